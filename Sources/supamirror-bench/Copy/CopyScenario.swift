import LocalSupabase
import Transport

/// How fast the first copy is, beside reading alone, writing alone, and what else could be run.
struct CopyScenario {
  private let plan: CopyPlan
  private let settings: BenchSettings

  init(_ plan: CopyPlan, _ settings: BenchSettings) {
    self.plan = plan
    self.settings = settings
  }

  func run(_ report: inout BenchReport) async throws {
    Bench.say(
      "\ncopy: \(IdealCopy.connections) connections, "
        + (settings.maxRows.map { "at most \($0) rows a request" } ?? "no cap on rows a request"))
    let pair = try await BenchPair.start(maxRows: settings.maxRows)
    let folder: ClusterFolder
    do { folder = try await ClusterFolder() } catch {
      await pair.stop()
      throw error
    }
    do {
      try await run(pair, folder.path, &report)
    } catch {
      await pair.stop()
      await folder.remove()
      throw error
    }
    await pair.stop()
    await folder.remove()
    Bench.say(CopyTable(report.copies).plain)
    CopyPromises(report.copies).check(&report)
  }

  private func run(_ pair: BenchPair, _ folder: String, _ report: inout BenchReport) async throws {
    var cases = plan.cases
    if !Route.isPossible(pair) {
      cases.removeAll { $0.latency > 0 }
      report.note("Over https no round trips can be added: each project is as far as it is.")
    }
    while let first = cases.first {
      let same = cases.prefix { $0.shape == first.shape && $0.rows == first.rows }
      cases.removeFirst(same.count)
      var run = CopyTableRun(
        pair: pair, folder: folder, settings: settings, of: first,
        mostRows: plan.cases.map(\.rows).max() ?? 0)
      try await run.measure(Array(same), &report)
    }
    report.note(
      "At 0 ms requests go to the servers directly, else through a relay in front of each project.")
    if Processors(pair).canBeDivided, plan.cases.contains(where: { $0.latency > 0 }) {
      report.note(
        "At 0 ms both databases have all processors of this machine, else each has half of them, as projects "
          + "that are far apart share none. The servers in front of them, the relays and all contenders have all."
      )
    }
    report.note("All share this machine: compare what stands in one run.")
    if report.copies.contains(where: { $0.sample != nil }) {
      report.note("* over fewer rows (JSON: scaledFromRows), the time taken times the rest.")
    }
    if report.copies.contains(where: { $0.contender == .dump || $0.contender == .pgcopydb }) {
      report.note("pg_dump and pgcopydb connect to PostgreSQL directly: the limit without HTTP.")
    }
  }
}

/// The measurements on one table.
private struct CopyTableRun {
  private let pair: BenchPair
  private let settings: BenchSettings
  private let folder: String
  private let shape: RowShape
  private let ideal: IdealCopy
  /// Of any table of the plan.
  private let mostRows: Int
  private var results: [CopyContender: CopyResult] = [:]

  init(pair: BenchPair, folder: String, settings: BenchSettings, of first: CopyCase, mostRows: Int)
  {
    self.mostRows = mostRows
    self.pair = pair
    self.settings = settings
    self.folder = folder
    shape = first.shape
    ideal = IdealCopy(
      shape: shape,
      pages: RecordedPages(first, page: first.shape.page(settings.maxRows), folder: folder))
  }

  private func setup(_ route: Route) -> MirrorSetup {
    MirrorSetup(
      folder: folder, source: route.source, target: route.target,
      tables: [MirrorSetup.Table(name: shape.table)])
  }

  mutating func measure(_ cases: [CopyCase], _ report: inout BenchReport) async throws {
    guard let first = cases.first else { return }
    Bench.say("  \(shape.rawValue), \(BenchReport.grouped(first.rows)) rows")
    try await pair.schema(shape.definition)
    let direct = try await Route(pair, milliseconds: 0)
    try await pair.schema(setup(direct).migration())
    for aCase in cases where aCase.shape == .usual && aCase.rows == mostRows {
      try await measureNothing(aCase, &report)
    }
    try await fill(first.rows)
    let bytes = try await ideal.read(direct, keeping: true).bytes
    for aCase in cases {
      results = [:]
      try await measure(aCase, bytes)
      for contender in CopyContender.allCases {
        if let result = results[contender] { report.copies.append(result) }
      }
    }
    try ideal.pages.remove()
    try await pair.schema("drop table \(shape.table)")
  }

  private func fill(_ rows: Int) async throws {
    for start in stride(from: 1, through: rows, by: 100_000) {
      try await pair.source.sql(shape.rows(start...min(start + 99_999, rows)))
    }
    _ = try? await pair.source.sql("vacuum analyze \(shape.table)")
  }

  /// The same start for everybody: an empty target, nothing that waits to be written.
  private func clear() async throws {
    try await pair.target.sql("truncate \(shape.table)")
    await pair.settle()
  }

  private func measureNothing(_ aCase: CopyCase, _ report: inout BenchReport) async throws {
    let route = try await Route(pair, milliseconds: aCase.latency)
    var result = CopyResult(aCase: aCase, contender: .nothing, bytes: 0)
    for _ in 0..<aCase.repeats { try await backfill(route, &result) }
    await route.stop()
    report.copies.append(result)
  }

  private func backfill(_ route: Route, _ result: inout CopyResult) async throws {
    let before = pair.requests
    let run = try await BackfillRun.first(setup(route))
    result.seconds.append(run.time.inSeconds)
    result.cpu.append(run.cpu.inSeconds)
    result.peak = max(result.peak, run.peak)
    if let before, let after = pair.requests { result.requests = after - before }
    try await pair.expectEqual(shape.table, after: "a backfill")
  }

  private mutating func measure(_ aCase: CopyCase, _ bytes: Int) async throws {
    let route = try await Route(pair, milliseconds: aCase.latency)
    let processors = Processors(pair)
    if aCase.latency > 0 { try await processors.divide() }
    for round in 1...aCase.repeats {
      try await measureOnce(aCase, bytes, route, isLast: round == aCase.repeats)
    }
    try await processors.share()
    await route.stop()
  }

  private mutating func measureOnce(
    _ aCase: CopyCase, _ bytes: Int, _ route: Route, isLast: Bool
  ) async throws {
    func add(_ contender: CopyContender, _ body: (inout CopyResult) async throws -> Void)
      async throws
    {
      var result =
        results[contender] ?? CopyResult(aCase: aCase, contender: contender, bytes: bytes)
      try await body(&result)
      results[contender] = result
    }
    await pair.settle()
    try await add(.idealRead) { $0.seconds.append(try await ideal.read(route).0.inSeconds) }
    try await clear()
    try await add(.idealWrite) { result in
      result.seconds.append(try await ideal.write(route).inSeconds)
      if isLast { try await pair.expectEqual(shape.table, after: "the ideal write") }
    }
    try await clear()
    try await add(.backfill) { try await backfill(route, &$0) }
    try await clear()
    try await add(.naive) { result in
      let (copied, time) = try await NaiveCopy(shape: shape, route: route).run(
        rows: aCase.naiveRows)
      result.seconds.append(time.inSeconds * Double(aCase.rows) / Double(max(1, copied)))
      result.sample = copied < aCase.rows ? copied : nil
      if copied == aCase.rows {
        try await pair.expectEqual(shape.table, after: "the naive worker")
      }
    }
    guard aCase.latency == 0 else { return }
    for (tool, contender) in [(DirectCopy.Tool.dump, CopyContender.dump), (.pgcopydb, .pgcopydb)]
    where await DirectCopy.isInstalled(tool) {
      try await clear()
      try await add(contender) { result in
        let time = try await DirectCopy(shape: shape, pair: pair, folder: folder).run(tool)
        result.seconds.append(time.inSeconds)
        if isLast { try await pair.expectEqual(shape.table, after: tool.rawValue) }
      }
    }
  }
}
