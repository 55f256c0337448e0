import LocalSupabase
import Testing
import Transport

/// The recorded exchanges that need something to happen in the database meanwhile.
@Suite struct ConformanceFaultTests {
  @Test func `errors of a busy database are answered as PostgREST answered them`() async throws {
    try await withCluster { cluster in
      let stage = try await ConformanceStage.create(cluster, database: "busy")
      var report = try ConformanceReport()
      let service = try await stage.service()
      let server = try HTTPServer.start { await service.answer($0) }
      for recorded in try ConformanceCase.all("db-errors") {
        if recorded.resetsBefore { try await stage.reset() }
        let happening = try await Happenings(recorded.id, stage)
        async let differences = stage.play(recorded, port: server.port)
        try await happening.act()
        report.note(try await differences, recorded.id, file: "db-errors")
        try await happening.end()
      }
      try await playEndless(stage, port: server.port)
      await server.stop()
      await service.stop()
      try await playPool(stage, &report)
      await stage.pool.close()
      report.conclude()
    }
  }

  /// `rse-40001`: tried again and again, never answered, until the client goes.
  private func playEndless(_ stage: ConformanceStage, port: Int) async throws {
    let recorded = try #require(try ConformanceCase.all("rpc-errors").first { $0.isSilent })
    try await stage.sql(
      """
      create sequence tries;
      grant all on sequence tries to service_role;
      create or replace function public.raise_it(
        state text, msg text, det text default null, hin text default null)
      returns void language plpgsql as $$
      begin perform nextval('tries'); raise exception using errcode = state, message = msg; end $$
      """)
    let client = await SocketClient(port: port)
    await client.send(recorded.request)
    let hasAnswer = Locked(false)
    let waiting = Task {
      let bytes = await client.receive(until: { !$0.isEmpty })
      if !bytes.isEmpty { hasAnswer.withLock { $0 = true } }
    }
    try await stage.waitUntil("select last_value > 20 from tries")
    #expect(hasAnswer.withLock { !$0 }, "\(recorded.id) was answered")
    client.shutDown()
    await waiting.value
    // With its client gone nobody tries any more.
    try await stage.waitUntil(
      "select count(*) = 0 from pg_stat_activity where usename = 'authenticator' and state <> 'idle'"
    )
  }

  private func playPool(_ stage: ConformanceStage, _ report: inout ConformanceReport) async throws {
    var options = ConformanceStage.options()
    options.poolSize = 1
    options.poolAcquisitionTimeout = .seconds(1)
    let service = try await stage.service(options)
    let server = try HTTPServer.start { await service.answer($0) }
    let cases = try ConformanceCase.all("pool-timeout")
    let client = await SocketClient(port: server.port)
    let body = #"{"seconds":1.5}"#
    await client.send(
      "POST /rpc/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    try await stage.waitUntil(ConformanceStage.isSleeping)
    report.note(
      try await stage.play(cases[0], port: server.port), cases[0].id, file: "pool-timeout")
    _ = await client.receive { RawAnswer.isWhole($0, isBodyless: false) }
    client.close()
    report.note(
      try await stage.play(cases[1], port: server.port), cases[1].id, file: "pool-timeout")
    await server.stop()
    await service.stop()
  }

  @Test func `a database that goes and comes back is told as PostgREST told it`() async throws {
    try await withCluster { cluster in
      let stage = try await ConformanceStage.create(cluster, database: "gone")
      var report = try ConformanceReport()
      let service = try await stage.service()
      let server = try HTTPServer.start { await service.answer($0) }
      for var recorded in try ConformanceCase.all("db-down") {
        if recorded.id == "down-read-1" { await cluster.stopServer() }
        if recorded.id == "down-up-at-once" { try await cluster.startServer() }
        let body = String(decoding: recorded.body, as: UTF8.self)
        recorded.body = Array(body.replacing("port 54611", with: "port \(cluster.port)").utf8)
        report.note(
          try await stage.play(recorded, port: server.port), recorded.id, file: "db-down")
      }
      await server.stop()
      await service.stop()
      await stage.pool.close()
      report.conclude()
    }
  }

  /// `unr-read`: it does not even listen.
  @Test func `without a database there is no server`() async {
    await #expect(throws: PostgresError.self) {
      try await RESTService(
        databaseDSN: "host=127.0.0.1 port=\(findFreePort()) user=authenticator dbname=postgres",
        options: RESTOptions())
    }
  }
}

/// What another database session does while a request runs.
private struct Happenings {
  private let id: String
  private let stage: ConformanceStage
  private var other: PostgresPool?

  init(_ id: String, _ stage: ConformanceStage) async throws {
    self.id = id
    self.stage = stage
    guard id == "dbe-lock-timeout" else { return }
    // The lock is held by a transaction that sleeps on, as a pool rolls back what is left open.
    let other = PostgresPool(dsn: stage.cluster.dsn(database: stage.database), size: 1)
    self.other = other
    Task {
      try? await other.withConnection(waitAtMost: .seconds(5)) { connection in
        try connection.run(
          script: "select 1 from public.codes where code = 'k1' for update; select pg_sleep(60)")
      }
    }
    try await stage.waitUntil(ConformanceStage.isSleeping)
  }

  func act() async throws {
    guard id == "dbe-terminated" else { return }
    try await stage.waitUntil(ConformanceStage.isSleeping)
    try await stage.sql(
      "select pg_terminate_backend(pid) from (\(ConformanceStage.sleepers)) s")
  }

  func end() async throws {
    guard let other else { return }
    try await stage.sql(
      "select pg_terminate_backend(pid) from (\(ConformanceStage.sleepers)) s")
    await other.close()
  }
}

extension ConformanceStage {
  static let sleepers =
    "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
  static let isSleeping = "select count(*) > 0 from (\(sleepers)) s"

  /// Returns when the query says true.
  func waitUntil(_ query: String) async throws {
    while try await sql(query).first?.first != "t" { await Task.yield() }
  }
}

func withCluster(_ body: (PostgresCluster) async throws -> Void) async throws {
  let cluster = try await PostgresCluster.start()
  do { try await body(cluster) } catch {
    await cluster.stop()
    throw error
  }
  await cluster.stop()
}
