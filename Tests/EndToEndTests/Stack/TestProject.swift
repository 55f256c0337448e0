import LocalSupabase
import Transport

/// One project as the tests see it: over HTTP like the mirror, and by SQL like nobody else.
struct TestProject: Sendable {
  let url: String
  let key: String
  let dsn: String
  /// nil for a stack of somebody else's.
  let local: LocalProject?
  private let database: PostgresPool

  init(url: String, key: String, dsn: String, local: LocalProject?) {
    self.url = url
    self.key = key
    self.dsn = dsn
    self.local = local
    database = PostgresPool(dsn: dsn, size: 4)
  }

  /// Runs one statement.
  @discardableResult
  func sql(_ statement: String) async throws -> [[String?]] {
    try await database.withConnection(waitAtMost: .seconds(60)) { try $0.execute(statement).rows }
  }

  /// Runs a script of several statements, in one transaction.
  func script(_ script: String) async throws {
    try await database.withConnection(waitAtMost: .seconds(60)) { connection in
      _ = try connection.run(script: script)
    }
  }

  /// Runs a script and waits until PostgREST knows of it.
  func define(_ script: String) async throws {
    if let local {
      try await local.sql("\(script)\n;notify pgrst, 'reload schema'")
    } else {
      try await self.script(script)
      try await awaitSchemaCache()
    }
  }

  /// Runs `body` on a connection of its own, e.g. to keep a transaction open.
  func withConnection<T: Sendable>(
    _ body: @escaping @Sendable (PostgresConnection) throws -> T
  ) async throws -> T {
    try await database.withConnection(waitAtMost: .seconds(60), body)
  }

  /// One value of one row.
  func value(_ statement: String) async throws -> String? {
    try await sql(statement).first?.first ?? nil
  }

  /// Returns once PostgREST knows every table that was made before this call.
  func awaitSchemaCache() async throws {
    if let local {
      try await local.sql("notify pgrst, 'reload schema'")
      return
    }
    let name = "cache_marker_\(UInt64.random(in: 0..<UInt64.max))"
    try await script(
      """
      create table public.\(name) (id integer primary key);
      grant all on public.\(name) to service_role;
      notify pgrst, 'reload schema';
      """)
    let client = HTTPClient()
    let request = HTTPRequest(
      method: "POST", url: "\(url)/rest/v1/\(name)",
      headers: [
        HTTPHeader("apikey", key), HTTPHeader("Authorization", "Bearer \(key)"),
        HTTPHeader("Content-Type", "application/json"),
      ], body: Array("[]".utf8))
    while try await client.send(request).status != 201 {}
    try await sql("drop table public.\(name)")
  }
}

/// Two projects that suites share, one test after the other.
struct Stack: Sendable {
  let source: TestProject
  let target: TestProject

  /// Suites of one pair run one after the other, beside those of other pairs. A stack of somebody else's is every pair.
  enum Pair: Hashable, Sendable {
    case passes, commands, faults, copies, feed, healing, service, promotion, setUp
  }

  private static let starting = Starting()

  private actor Starting {
    private var stacks: [Pair: Task<Stack, any Error>] = [:]

    func get(_ pair: Pair) async throws -> Stack {
      let start = stacks[pair] ?? Task { try await Stack.start(pair) }
      stacks[pair] = start
      return try await start.value
    }
  }

  /// Empty projects: nothing in `public`, nothing in the schema `shop`, no table of theirs published.
  static func empty(_ pair: Pair = .passes) async throws -> Stack {
    let stack = try await starting.get(pair)
    for project in [stack.source, stack.target] {
      try await project.script(
        """
        drop schema if exists shop cascade;
        drop schema public cascade;
        create schema public;
        grant usage on schema public to anon, authenticated, service_role;
        alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
        alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
        alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
        create schema shop;
        grant usage on schema shop to anon, authenticated, service_role;
        alter default privileges in schema shop grant all on tables to anon, authenticated, service_role;
        """)
    }
    return stack
  }

  /// Whether somebody else's stack is used: nothing in it can be stopped or broken.
  static var isExternal: Bool { external("SOURCE") != nil && external("TARGET") != nil }

  private static func start(_ pair: Pair) async throws -> Stack {
    if let source = external("SOURCE"), let target = external("TARGET") {
      return Stack(source: source, target: target)
    }
    var options = LocalProjectOptions()
    options.schemas = ["public", "shop"]
    var realtime = RealtimeOptions.quick
    // What tests publish is not to be found out in the middle of a later one.
    realtime.publicationCheckInterval = .seconds(3_600)
    // The real limit, looked at more often.
    if pair == .healing {
      realtime.maxEventsPerSecond = 100
      realtime.eventRateTick = .seconds(1)
    }
    options.realtime = realtime
    async let source = LocalProject.start(options)
    async let target = LocalProject.start(options)
    let stack = try await Stack(source: local(source), target: local(target))
    // Where nothing at all is published, Realtime looks again only after the time above.
    try await stack.source.script(
      """
      create schema keep;
      create table keep.published (id integer primary key);
      alter publication supabase_realtime add table keep.published;
      """)
    return stack
  }

  private static func local(_ project: LocalProject) -> TestProject {
    TestProject(url: project.url, key: project.serviceKey, dsn: project.dsn, local: project)
  }

  /// `SUPAMIRROR_TEST_SOURCE_URL`, `…_KEY`, `…_DSN`, and the same for `TARGET`.
  private static func external(_ side: String) -> TestProject? {
    let variable = { (name: String) in Environment.process["SUPAMIRROR_TEST_\(side)_\(name)"] }
    guard let url = variable("URL"), let key = variable("KEY"), let dsn = variable("DSN") else {
      return nil
    }
    return TestProject(url: url, key: key, dsn: dsn, local: nil)
  }

  /// Runs a script on both sides and waits until PostgREST knows of it.
  func both(_ script: String) async throws {
    for project in [source, target] { try await project.define(script) }
  }
}
