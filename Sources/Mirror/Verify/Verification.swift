import JSON
package import Supabase

/// Compares tables of the two projects: are they equal? It only reads, and may run beside a mirror.
package struct Verification: Sendable {
  /// What a comparison works with.
  package struct Surroundings: Sendable {
    package let source: any MirroredProject
    package let target: any MirroredProject
    package let store: VerifyStore
    /// The mirror's name in the ledger.
    package let mirror: String
    package let log: Log
    package let clock: any Clock<Duration>
    /// Microseconds since 2000-01-01.
    package let now: @Sendable () -> Int64
    /// What the mirror knows of a table; nil where there is no mirror's state.
    package var state: @Sendable (TableName) async -> TableState?
    /// What a running mirror does.
    package var activity: @Sendable (TableName) async -> MirrorActivity
    /// A table, the rows compared so far, and how many there are where that was asked for.
    package var progress: @Sendable (TableName, Int, Int?) -> Void
    /// Rows a page to begin with, where rows are read.
    package var batchSize = 500
    /// Rows of the first call that digests …
    package var chunkRows = 16_384
    /// … and how long each should take.
    package var chunkTime = Duration.milliseconds(500)
    /// How long to rest after each chunk, as a multiple of the time it took.
    package var rest = 0.0
    /// Tables at once.
    package var width = 2
    package var wantsTotals = false
    /// Compares by rows even where digests could be had.
    package var readsRows = false
    /// What differs is looked at again before it counts; else it counts as it was seen.
    package var settles = true
    /// Faults of one kind whose keys are kept.
    package var mostFaults = TableVerification.mostFaults
    /// Runs of keys of which the target has no row are kept as ranges, not key by key.
    package var findsRuns = false

    package init(
      source: any MirroredProject, target: any MirroredProject, store: VerifyStore,
      mirror: String, log: Log = .none, clock: any Clock<Duration> = ContinuousClock(),
      now: @escaping @Sendable () -> Int64,
      state: @escaping @Sendable (TableName) async -> TableState? = { _ in nil },
      activity: @escaping @Sendable (TableName) async -> MirrorActivity = { _ in .none },
      progress: @escaping @Sendable (TableName, Int, Int?) -> Void = { _, _, _ in }
    ) {
      self.source = source
      self.target = target
      self.store = store
      self.mirror = mirror
      self.log = log
      self.clock = clock
      self.now = now
      self.state = state
      self.activity = activity
      self.progress = progress
    }
  }

  package let tables: [TableConfiguration]
  package let surroundings: Surroundings

  package init(tables: [TableConfiguration], _ surroundings: Surroundings) {
    self.tables = tables
    self.surroundings = surroundings
  }

  /// Always returns a report; what went wrong stands in it. A table that a comparison left unfinished within a day is
  /// taken up where it stopped.
  package func run() async -> VerificationReport {
    var report = VerificationReport()
    let elapsed = stopwatch(ContinuousClock())
    do throws(LaneStop) {
      try await run(&report)
    } catch {
      report.note(error)
    }
    await surroundings.store.write()
    let order = Dictionary(
      tables.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    report.tables.sort { order[$0.table] ?? 0 < order[$1.table] ?? 0 }
    report.elapsed = elapsed()
    return report
  }

  private func run(_ report: inout VerificationReport) async throws(LaneStop) {
    let schemas = Set(tables.map(\.name.schema)).union(["public"])
    async let ofSource = catalogueResult(schemas, surroundings.source)
    async let ofTarget = catalogueResult(schemas, surroundings.target)
    let results = (await ofSource, await ofTarget)
    let (source, target) = (try results.0.get(), try results.1.get())
    let hindrance = try await hindrance(source, target)
    var comparisons: [TableComparison] = []
    for table in tables {
      do throws(TableProblem) {
        let plan = try TablePlan(
          table, source: source.tables[table.name], target: target.tables[table.name])
        let reason =
          hindrance ?? Self.hindrance(source.tables[table.name]!, target.tables[table.name]!)
        let record = await surroundings.store.record(of: table.name)
        let comparison = TableComparison(
          plan, way: reason == nil ? .digests : .rows, surroundings,
          hasLedger: source.tables[Ledger.table] != nil,
          findsRuns: surroundings.findsRuns
            && Self.ordersAlike(plan, source.tables[table.name]!, target.tables[table.name]!),
          record: record)
        if let reason { await comparison.note(reason) }
        comparisons.append(comparison)
      } catch {
        var found = TableVerification(
          table: table.name, way: .rows, begunAt: surroundings.now())
        found.failure = error.description
        report.tables.append(found)
      }
    }
    let (found, stop) = await Self.together(comparisons, width: surroundings.width)
    report.tables += found
    if let stop { throw stop }
  }

  private func catalogueResult(
    _ schemas: Set<String>, _ project: any MirroredProject
  ) async -> Result<Catalogue, LaneStop> {
    do throws(LaneStop) {
      return .success(try await Survey.catalogue(of: schemas, project))
    } catch {
      return .failure(error)
    }
  }

  /// Why no table can be compared by digests; nil where they can.
  private func hindrance(
    _ source: Catalogue, _ target: Catalogue
  ) async throws(LaneStop) -> String? {
    if surroundings.readsRows { return "as was asked for" }
    for (catalogue, name) in [(source, "source"), (target, "target")]
    where !DigestReader.functions.isSubset(of: catalogue.functions) {
      return "the \(name) has no digest functions; apply the output of `supamirror migration`"
    }
    do throws(PostgRESTError) {
      let forms = (
        try await DigestReader.form(surroundings.source),
        try await DigestReader.form(surroundings.target)
      )
      return forms.0 == forms.1 ? nil : "the two databases digest rows in different ways"
    } catch {
      let stop = LaneStop(error)
      guard case .table(let sentence) = stop else { throw stop }
      return sentence
    }
  }

  /// Why this table cannot be. Equal values of two types may have different digests.
  private static func hindrance(
    _ source: TableDescription, _ target: TableDescription
  ) -> String? {
    let changed = source.columns.filter { target[$0.name]?.format != $0.format }.map(\.name)
    return changed.isEmpty
      ? nil : "the types of \(changed.joined(separator: ", ")) are not the same on both sides"
  }

  /// Whether both projects order the table's keys alike, whatever their collations: a range of keys is then the same
  /// rows on both sides.
  private static func ordersAlike(
    _ plan: TablePlan, _ source: TableDescription, _ target: TableDescription
  ) -> Bool {
    plan.keyColumns.allSatisfy { column in
      [source, target].allSatisfy { orderedAlike.contains($0[column]?.format ?? "") }
    }
  }

  private static let orderedAlike: Set<String> = [
    "smallint", "integer", "bigint", "numeric", "uuid", "date", "timestamp with time zone",
    "timestamp without time zone", "boolean",
  ]

  private static func together(
    _ comparisons: [TableComparison], width: Int
  ) async -> ([TableVerification], LaneStop?) {
    await withTaskGroup(of: (TableVerification, LaneStop?).self) { group in
      var waiting = comparisons[...]
      func begin() {
        guard let next = waiting.popFirst() else { return }
        group.addTask {
          do throws(LaneStop) {
            return (try await next.run(), nil)
          } catch {
            return (await next.progress.found, error)
          }
        }
      }
      for _ in 0..<max(1, width) { begin() }
      var found: [TableVerification] = []
      var first: LaneStop?
      for await (table, stop) in group {
        found.append(table)
        if let stop, first == nil {
          first = stop
          group.cancelAll()
        }
        if first == nil { begin() }
      }
      return (found, first)
    }
  }
}

extension TableComparison {
  func note(_ reason: String) { progress.found.notes = ["compared row by row: \(reason)"] }
}

extension VerificationReport {
  mutating func note(_ stop: LaneStop) {
    var report = PassReport()
    report.note(stop)
    stopKind = report.stopKind
    stopped = report.stopped
    if case .interrupted = stop {
      stopped = "interrupted; the next run goes on where this one stopped"
    }
  }
}
