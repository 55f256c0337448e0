import JSON
import Supabase

/// What a pass finds out before its first row: tables on both sides, foreign keys, ledger, clocks.
struct Survey: Sendable {
  var plans: [TablePlan] = []
  /// Tables that passes leave out, and only the feed copies.
  var feedOnly: [TablePlan] = []
  /// Whether the source has the marker table, so that the feed can be proven.
  var hasMarker = false
  /// Whether the source tells how far its sequences are, and the target takes it.
  var knowsSequences = false
  /// Tables that cannot be mirrored, with the reason.
  var failed: [TableReport] = []
  /// Child to parents, as either project tells.
  var references: [TableName: Set<TableName>] = [:]
  /// nil where deletes are left alone or the migration is not installed at the source.
  var ledger: Ledger?
  /// Tables with triggers of the migration, by side; nil: unknown.
  var logged: (source: Set<TableName>?, target: Set<TableName>?) = (nil, nil)
  var unmirrored: [String] = []
  /// Whether the source can tell since when its transactions run.
  var hasHorizon = false
  var limits = PassLimits(horizon: nil, sourceClock: 0)

  private struct FoundLedger: Sendable {
    /// nil where deletes are left alone.
    var ledger: Ledger?
    var logged: (source: Set<TableName>?, target: Set<TableName>?) = (nil, nil)
    var problems: [String] = []
  }

  static func take(_ pass: Pass) async throws(LaneStop) -> Survey {
    var survey = Survey()
    let schemas = Set(pass.tables.map(\.name.schema)).union(["public"])
    // Round trips are what a pass over a distance waits for: whatever does not need the other is asked at once.
    async let sourceAnswer = attempt { () async throws(LaneStop) in
      try await catalogue(of: schemas, pass.source)
    }
    async let targetAnswer = attempt { () async throws(LaneStop) in
      try await catalogue(of: schemas, pass.target)
    }
    let (source, target) = (try await sourceAnswer.get(), try await targetAnswer.get())
    survey.plan(pass, source, target)
    survey.hasMarker = Marker.isInstalled(source) && Marker.isInstalled(target)
    survey.knowsSequences =
      source.functions.contains(SequenceFunction.sequences)
      && target.functions.contains(SequenceFunction.raise)
    survey.hasHorizon = source.functions.contains("sync_horizon")
    let planned = survey
    async let limitsAnswer = attempt { () async throws(LaneStop) in
      try await planned.limitsNow(pass)
    }
    async let ledgerAnswer = attempt { () async throws(LaneStop) in
      try await planned.findLedger(pass, source, target)
    }
    let (limits, ledger) = (await limitsAnswer, await ledgerAnswer)
    survey.limits = try limits.get()
    if let problem = survey.limits.problem { survey.unmirrored.append(problem) }
    do throws(LaneStop) {
      let found = try ledger.get()
      survey.ledger = found.ledger
      survey.logged = found.logged
      survey.unmirrored += found.problems
    } catch .table(let sentence) {
      // Rows can be copied all the same.
      survey.unmirrored.append("deletes are not mirrored: \(sentence)")
    }
    return survey
  }

  /// Of all these schemas; one that is not exposed has no tables.
  static func catalogue(
    of schemas: Set<String>, _ project: any MirroredProject
  ) async throws(LaneStop) -> Catalogue {
    var all = Catalogue(tables: [:], functions: [])
    for schema in schemas.sorted() {
      do throws(PostgRESTError) {
        let catalogue = try await project.catalogue(of: schema)
        all.tables.merge(catalogue.tables) { known, _ in known }
        if schema == "public" { all.functions = catalogue.functions }
      } catch {
        // A schema that is not exposed: its tables say so, one by one.
        guard error.isUnknownSchema else { throw LaneStop(error) }
      }
    }
    return all
  }

  private mutating func plan(_ pass: Pass, _ source: Catalogue, _ target: Catalogue) {
    for table in pass.tables {
      do throws(TableProblem) {
        let plan = try TablePlan(
          table, source: source.tables[table.name], target: target.tables[table.name],
          onDrift: pass.settings.onDrift)
        if table.reconcile {
          plans.append(plan)
        } else {
          if table.realtime { feedOnly.append(plan) }
          var report = TableReport(table: table.name)
          report.notes.append("reconcile is false: this pass left the table out")
          failed.append(report)
        }
      } catch {
        var report = TableReport(table: table.name)
        report.failure = error.description
        failed.append(report)
      }
      for catalogue in [source, target] {
        let parents = (catalogue.tables[table.name]?.columns ?? []).compactMap { $0.references }
          .map { TableName(schema: table.name.schema, name: $0.table) }
        references[table.name, default: []].formUnion(parents)
      }
    }
  }

  /// How far checkpoints may go now.
  func limitsNow(_ pass: Pass) async throws(LaneStop) -> PassLimits {
    async let horizonAnswer = attempt { () async throws(LaneStop) in try await readHorizon(pass) }
    async let clockAnswer = attempt { () async throws(LaneStop) in try await readClock(pass) }
    let (horizon, clock) = (await horizonAnswer, await clockAnswer)
    var limits = PassLimits(horizon: nil, sourceClock: try clock.get())
    do throws(LaneStop) {
      limits.horizon = try horizon.get()
    } catch .table(let sentence) {
      // Rows can be copied all the same, but who relies on the horizon may have a short look-back.
      limits.horizon = .min
      limits.problem =
        "the checkpoints stay where they are, as the horizon is unknown: \(sentence)"
    }
    return limits
  }

  private func readClock(_ pass: Pass) async throws(LaneStop) -> Int64 {
    for plan in plans {
      do throws(PostgRESTError) {
        let page = try await pass.source.read(
          ReadQuery(table: plan.name, columns: [plan.keyColumns[0]], limit: 1))
        // A server that leaves the date out does so with every table.
        guard let seconds = page.serverDate else { break }
        return Int64(seconds) * 1_000_000 + TimeText.unixEpoch
      } catch {
        // What is wrong with this table alone, its lane will say; any other tells the time as well.
        let stop = LaneStop(error)
        guard case .table = stop else { throw stop }
      }
    }
    return pass.now()
  }

  /// Since when the source's transactions run; nil where it cannot tell.
  private func readHorizon(_ pass: Pass) async throws(LaneStop) -> Int64? {
    guard hasHorizon else { return nil }
    do throws(PostgRESTError) {
      let body = try await pass.source.rpc(
        "sync_horizon", schema: "public", arguments: Array("{}".utf8))
      let answer = try? JSONToken(checking: body)
      // Null: its owner may not see other transactions, so the look-back must do.
      guard answer?.isNull != true else { return nil }
      return answer?.string.flatMap(TimeText.microseconds) ?? .min
    } catch {
      throw LaneStop(error)
    }
  }

  /// The source's ledger, and what it does not cover.
  private func findLedger(
    _ pass: Pass, _ source: Catalogue, _ target: Catalogue
  ) async throws(LaneStop) -> FoundLedger {
    guard pass.settings.deletes, !pass.isPartial else { return FoundLedger() }
    let isInstalled =
      source.tables[Ledger.table] != nil
      && Ledger.requiredFunctions.allSatisfy(source.functions.contains)
    guard isInstalled else {
      let problem =
        "deletes are not mirrored: the source has no ledger; apply the output of `supamirror "
        + "migration` to both projects, or set SYNC_DELETES=false"
      return FoundLedger(problems: [problem])
    }
    let ledger = Ledger(source: pass.source, mirror: pass.store.identity.name)
    try await ledger.register()
    async let refusal = attempt { () async throws(LaneStop) in
      try await refuseOneProject(pass, target)
    }
    async let ofTarget = attempt { () async throws(LaneStop) in
      try await loggedTables(pass.target, pass, target)
    }
    async let ofSource = attempt { () async throws(LaneStop) in
      try await loggedTables(pass.source, pass, source)
    }
    let answers = (await refusal, source: await ofSource, target: await ofTarget)
    try answers.0.get()
    let logged = try answers.source.get()
    var found = FoundLedger(ledger: ledger)
    found.logged.source = logged?.all
    found.logged.target = (try? answers.target.get())?.all
    if let logged {
      let unlogged = plans.map(\.name).filter { !logged.complete.contains($0) }
      if !unlogged.isEmpty {
        found.problems.append(
          "deletes are not mirrored in \(unlogged.map(\.description).joined(separator: ", ")): no "
            + "ledger trigger there; apply the output of `supamirror migration` again")
      }
    }
    return found
  }

  /// nil where the project does not tell.
  private func loggedTables(
    _ project: any MirroredProject, _ pass: Pass, _ catalogue: Catalogue
  ) async throws(LaneStop) -> LoggedTables? {
    guard catalogue.functions.contains("sync_ledger_tables") else { return nil }
    return try await Ledger(source: project, mirror: pass.store.identity.name).loggedTables()
  }

  func triggers(of table: TableName) -> TableTriggers {
    TableTriggers(
      source: logged.source.map { $0.contains(table) },
      target: logged.target.map { $0.contains(table) })
  }

  /// The mirror has just been registered at the source; if the target saw it at the same microsecond, both
  /// URLs lead to one database.
  private func refuseOneProject(
    _ pass: Pass, _ target: Catalogue
  ) async throws(LaneStop) {
    let mirrors = TableName(name: "sync_mirrors")
    guard target.tables[mirrors] != nil else { return }
    let query = ReadQuery(
      table: mirrors, columns: ["last_seen_at"],
      filters: [.equal("name", JSONToken(string: pass.store.identity.name))], limit: 1)
    async let ofSource = attempt { () async throws(PostgRESTError) in
      try await pass.source.read(query).rows
    }
    async let ofTarget = attempt { () async throws(PostgRESTError) in
      try await pass.target.read(query).rows
    }
    let answers = (source: await ofSource, target: await ofTarget)
    let seen: (source: JSONRows, target: JSONRows)
    do throws(PostgRESTError) {
      seen = (try answers.source.get(), try answers.target.get())
    } catch {
      throw LaneStop(error)
    }
    // A target made from a dump of the source may know the name, but not this moment.
    guard seen.target.isEmpty || seen.source.bytes != seen.target.bytes else {
      throw .configuration("source and target are the same database; nothing was copied")
    }
  }

  /// The entries to replay in this pass; nil without a ledger.
  func ledgerSnapshot(
    _ levels: [[TableName]], _ pageSize: Int
  ) async throws(LaneStop) -> Ledger.Snapshot? {
    guard let ledger else { return nil }
    return try await ledger.snapshot(of: levels, pageSize: max(pageSize, 1_000))
  }
}
