import JSON
import LocalSupabase
import Mirror
import Supabase
import Testing
import Transport

/// Comparing while users write and a daemon mirrors.
@Suite(.serialized, .ofPair(.feed)) struct VerifyBeside {
  /// 200 writes a second at the source, until it is told to end: updates, inserts and deletes of any rows.
  private func write(_ stack: Stack, rows: Int, until isOver: Locked<Bool>) async throws -> Int {
    var generator = SystemRandomNumberGenerator()
    var count = 0
    let start = ContinuousClock.now
    while !isOver.withLock({ $0 }) {
      var script: [String] = []
      for _ in 0..<20 {
        // Rows without faults: their ids are multiples of 1,000.
        let id = Int.random(in: 1..<(rows / 100), using: &generator) * 1_000
        count += 1
        switch count % 10 {
        case 0: script.append("delete from wares where id = \(rows * 10 + count - 4)")
        case 6:
          script.append(
            "insert into wares (id, owner, created_at) values (\(rows * 10 + 10 + count), gen_random_uuid(), now())"
              + " on conflict do nothing")
        default:
          script.append(
            "update wares set score = score + 1, updated_at = now() where id = \(id)")
        }
      }
      try await stack.source.script(script.joined(separator: ";"))
      let due = Duration.milliseconds(count * 5)
      let wait = due - (ContinuousClock.now - start)
      if wait > .zero { try await Task.sleep(for: wait) }
    }
    print("verify: \(count) writes in \(ContinuousClock.now - start)")
    return count
  }

  /// Both sides filled by SQL, a daemon between them, and faults planted on the target behind its back.
  private func run(
    rows: Int, faults count: Int,
    _ body: @escaping (DaemonWorld) async throws -> VerificationJSON?
  ) async throws {
    let stack = try await Stack.empty(.feed)
    try await stack.both(PlantedFaults.schema)
    let mirror = try MirrorProgram(
      stack, tables: [MirrorProgram.table(PlantedFaults.table)],
      settings: [
        "SYNC_INITIAL_BACKFILL_MS": "0", "SYNC_RECONCILE_INTERVAL_MS": "5000",
        "SYNC_RECONCILE_LOOKBACK_MS": "10000",
      ])
    try await mirror.migrate(stack)
    for project in [stack.source, stack.target] {
      try await project.sql(PlantedFaults.rows(rows))
      try await project.sql("vacuum analyze wares")
    }
    try await DaemonWorld.run(stack, mirror) { world in
      try await world.daemon.waitUntilLive()
      // The checkpoint is behind all rows before one of them is spoiled.
      try await stack.source.sql(
        "insert into wares (id, owner, created_at) values (0, gen_random_uuid(), now())")
      try await world.daemon.wait("a pass has copied it") { $0.tables[0].upserted > 0 }
      let passes = try await world.daemon.status().pass.count
      try await world.daemon.wait("a pass has moved the checkpoint") { $0.pass.count > passes + 1 }
      let (faults, statements) = PlantedFaults.plant(count, among: rows, seed: 11) {
        $0 % 1_000 != 0
      }
      try await stack.target.script(statements.joined(separator: ";\n"))
      let isOver = Locked(false)
      async let writes = write(stack, rows: rows, until: isOver)
      let start = ContinuousClock.now
      let found = try await body(world)
      print("verify: \(ContinuousClock.now - start) from start to end")
      isOver.withLock { $0 = true }
      let written = try await writes
      #expect(written > 0)
      let report = try #require(found)
      #expect(faults.differences(report) == [])
      #expect(report.root["drift"]?.int == faults.count)
    }
  }

  @Test func `every fault is found and no other, under writes`() async throws {
    try await run(rows: 20_000, faults: 100) { world in
      let outcome = try await world.mirror.run(["verify", "--json", "--show-keys"])
      #expect(outcome.exitCode == 1, "\(outcome)")
      return VerificationJSON(outcome.output)
    }
  }

  @Test func `the same without digests`() async throws {
    try await run(rows: 20_000, faults: 100) { world in
      for project in [world.stack.source, world.stack.target] {
        try await project.script(
          "drop function public.sync_digest_form(); notify pgrst, 'reload schema'")
        try await project.awaitSchemaCache()
      }
      let outcome = try await world.mirror.run(["verify", "--json", "--show-keys"])
      let found = VerificationJSON(outcome.output)
      #expect(found?.table["way"]?.string == "rows", "\(outcome)")
      return found
    }
  }

  @Test func `the daemon proves by itself that both sides are equal, or are not`() async throws {
    try await DaemonWorld.run(
      .feed,
      settings: [
        "SYNC_VERIFY_FULL_EVERY": "1s", "SYNC_RECONCILE_INTERVAL_MS": "2000",
        "SYNC_RECONCILE_LOOKBACK_MS": "1000",
      ]
    ) { world in
      try await world.stack.source.sql(
        "insert into items select i, 'v', now() - interval '1 hour' from generate_series(1, 500) i")
      try await world.daemon.waitUntilEqual(world.stack, ["items"])
      try await world.daemon.wait("all rows are proven equal") {
        $0.tables[0].verified.map { $0.isEqual && $0.rows == 500 } ?? false
      }
      try await world.stack.target.sql("update items set v = 'other' where id = 77")
      let status = try await world.daemon.wait("the drift is found") {
        $0.tables[0].verified?.drift == 1
      }
      #expect(status.problems.contains { $0.contains("1 row differed") })
      try await world.daemon.waitForLog("table differs")
    }
  }

  private static let isLong = Environment.isLong

  /// Prints what digests cost beside reading every row.
  @Test(.enabled(if: isLong)) func `a million rows, a thousand faults`() async throws {
    let rows = 1_000_000
    try await run(rows: rows, faults: 1_000) { world in
      let stack = world.stack
      let start = ContinuousClock.now
      let bytesOfRows = try await streamAll(stack)
      let streaming = ContinuousClock.now - start
      let (report, scanning, byDigests) = await compare(world, readsRows: false)
      print(
        """
        verify: \(rows) rows, \(report.drift) differences seen without the mirror's state
        verify: by digests \(scanning) and \(byDigests) bytes to compare every row; \
        \(report.elapsed) with looking again at what differed
        verify: merely reading all rows of both sides at once \(streaming) and \(bytesOfRows) bytes; \
        digests are \(scanning / streaming) of the time, \(Double(byDigests) / Double(bytesOfRows)) of the bytes
        """)
      #expect(report.items.way == .digests)
      #expect(Double(byDigests) / Double(bytesOfRows) <= 0.01)
      let outcome = try await world.mirror.run(["verify", "--json", "--show-keys"])
      for project in [stack.source, stack.target] {
        try await project.script(
          "drop function public.sync_digest_form(); notify pgrst, 'reload schema'")
        try await project.awaitSchemaCache()
      }
      let byRows = await compare(world, readsRows: true)
      print(
        """
        verify: row by row \(byRows.scanning) and \(byRows.bytes) bytes; \
        digests are \(scanning / byRows.scanning) of the time
        """)
      #expect(byRows.report.items.way == .rows)
      #expect(scanning / byRows.scanning <= 0.25)
      return VerificationJSON(outcome.output)
    }
  }

  /// - Returns: how long it took until every row was compared, and the bytes of all answers.
  private func compare(
    _ world: DaemonWorld, readsRows: Bool
  ) async -> (report: VerificationReport, scanning: Duration, bytes: Int) {
    let meter = ByteMeter()
    let store = VerifyStore(
      FileStorage(path: "\(world.mirror.folder)/measured-\(readsRows)"),
      identity: MirrorIdentity(epoch: "e", name: "m"))
    let compared = Locked<ContinuousClock.Instant?>(nil)
    let began = ContinuousClock.now
    var surroundings = Verification.Surroundings(
      source: world.stack.source.client(meter), target: world.stack.target.client(meter),
      store: store, mirror: "m", now: { WallClock.system.now() + TimeText.unixEpoch },
      progress: { _, _, _ in compared.withLock { $0 = .now } })
    surroundings.readsRows = readsRows
    let table = TableConfiguration(
      name: TableName(name: PlantedFaults.table), primaryKeys: ["id"],
      incrementalFields: ["updated_at"])
    let report = await Verification(tables: [table], surroundings).run()
    return (report, compared.withLock { $0 }.map { $0 - began } ?? .zero, meter.bytes)
  }

  /// Reads every row of both sides as fast as it goes: by key, both at once, without looking at them.
  private func streamAll(_ stack: Stack) async throws -> Int {
    @Sendable func stream(_ project: TestProject) async throws -> Int {
      let meter = ByteMeter()
      let client = project.client(meter)
      let table = TableName(name: PlantedFaults.table)
      let columns = try await client.catalogue(of: "public").tables[table]!.columns.map(\.name)
      var last: [JSONToken]?
      while true {
        let page = try await client.page(
          ReadQuery(
            table: table, columns: columns,
            filters: last.map { [.after(columns: ["id"], values: $0)] } ?? [], order: ["id"],
            limit: 5_000), lastOf: ["id"])
        if page.count == 0 { return meter.bytes }
        last = page.last
      }
    }
    async let source = stream(stack.source)
    async let target = stream(stack.target)
    return try await source + target
  }
}

extension VerificationReport {
  fileprivate var items: TableVerification { tables[0] }
}

/// Counts what goes over the wire, but for the headers that every request has.
private final class ByteMeter: HTTPTransport {
  private let client = HTTPClient()
  private let count = Locked(0)

  var bytes: Int { count.withLock { $0 } }

  func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    let answer = try await client.send(request)
    let bytes = request.url.utf8.count + (request.body?.count ?? 0) + answer.body.count
    count.withLock { $0 += bytes }
    return answer
  }
}

private struct FileStorage: StateStorage {
  let path: String
  func load() -> [UInt8]? { (try? DurableFile(path).read()) ?? nil }
  func replace(with bytes: [UInt8]) throws(StateError) {
    do {
      try DurableFile(path).replace(with: bytes)
    } catch {
      throw StateError(error.description)
    }
  }
}

extension TestProject {
  fileprivate func client(_ meter: ByteMeter) -> PostgREST {
    PostgREST(
      project: Project(role: "test", url: ProjectURL(url)!, key: ServiceKey(key)), origin: "test",
      transport: meter)
  }
}
