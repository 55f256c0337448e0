import LocalSupabase
import Mirror
import Supabase
import Testing
import Transport

/// A database of its own for one test, laid out as on Supabase: the tables belong to `migrator`, who is no superuser,
/// and whatever it makes in `public` is open to `anon`, `authenticated` and `service_role` by default.
struct LedgerDatabase: Sendable {
  private let dsn: String
  private let superuser: String
  private let threads: PostgresPool

  private struct Server: Sendable {
    let cluster: PostgresCluster
    /// Its threads run the tests' statements, so this is how many connections there are at once; two for a
    /// test that lets one statement wait for another.
    let threads: PostgresPool
  }

  private static let starting = Task { () throws -> Server in
    var options = PostgresCluster.Options()
    options.settings = ["max_prepared_transactions": "4"]
    let cluster = try await PostgresCluster.start(options)
    let threads = PostgresPool(dsn: cluster.dsn(), size: 8)
    try await threads.withConnection(waitAtMost: .seconds(60)) { connection in
      _ = try connection.run(
        script: """
          create role anon nologin;
          create role authenticated nologin;
          create role service_role nologin bypassrls;
          create role migrator login createrole in role anon, authenticated, service_role, pg_monitor;
          create role uninformed login in role anon, authenticated, service_role;
          """)
    }
    return Server(cluster: cluster, threads: threads)
  }

  /// - Parameter tables: run as `migrator`.
  init(_ tables: String, owner: String = "migrator") async throws {
    let server = try await Self.starting.value
    let name = "ledger_\(UInt64.random(in: 0..<UInt64.max))"
    dsn = server.cluster.dsn(user: owner, database: name)
    threads = server.threads
    let superuser = server.cluster.dsn(database: name)
    self.superuser = superuser
    try await threads.withConnection(waitAtMost: .seconds(60)) { connection in
      _ = try connection.run(script: "create database \(name)")
      _ = try PostgresConnection(superuser).run(
        script: """
          grant create on database \(name) to \(owner);
          grant create on schema public to \(owner);
          grant usage on schema public to anon, authenticated, service_role;
          alter default privileges for role \(owner) in schema public
            grant all on tables to anon, authenticated, service_role;
          alter default privileges for role \(owner) in schema public
            grant all on functions to anon, authenticated, service_role;
          alter default privileges for role \(owner) in schema public
            grant all on sequences to anon, authenticated, service_role;
          """)
    }
    if !tables.isEmpty { try await run(tables) }
  }

  /// Runs a script as the tables' owner, in one transaction, and gives the rows of its last statement.
  @discardableResult
  func run(_ script: String) async throws -> [[String?]] {
    let dsn = dsn
    return try await threads.withConnection(waitAtMost: .seconds(60)) { _ in
      try PostgresConnection(dsn).run(script: script).rows
    }
  }

  /// Runs a script as PostgREST does for a request with this role and these headers.
  @discardableResult
  func run(_ script: String, as role: String, headers: String? = nil) async throws -> [[String?]] {
    let setting = headers.map {
      "select set_config('request.headers', \(PostgresConnection.literal($0)), true);"
    }
    return try await run("begin; \(setting ?? "") set local role \(role); \(script); commit")
  }

  /// Runs `body` on a thread of its own with two connections of the owner, e.g. to keep a transaction open.
  func withConnections<T: Sendable>(
    _ body: @escaping @Sendable (PostgresConnection, PostgresConnection) throws -> T
  ) async throws -> T {
    let dsn = dsn
    return try await threads.withConnection(waitAtMost: .seconds(60)) { _ in
      try body(PostgresConnection(dsn), PostgresConnection(dsn))
    }
  }

  /// Runs `first` in a transaction that is not committed before `second`, run meanwhile, waits for it (or, should
  /// it not wait, is done).
  func run(_ first: String, thenMeanwhile second: String) async throws {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let isDone = Locked(false)
    async let waiting: Void = {
      for await _ in begun {}
      defer { isDone.withLock { $0 = true } }
      try await run(second)
    }()
    try await withConnections { connection, watch in
      defer { begin.finish() }
      try connection.run(script: "begin; \(first)")
      begin.finish()
      let blocked = """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
        """
      while !isDone.withLock({ $0 }), try watch.run(script: blocked).rows == [["0"]] {}
      try connection.run(script: "commit")
    }
    try await waiting
  }

  /// Runs a script as whoever runs the server does.
  func runAsSuperuser(_ script: String) async throws {
    let superuser = superuser
    try await threads.withConnection(waitAtMost: .seconds(60)) { _ in
      _ = try PostgresConnection(superuser).run(script: script)
    }
  }

  /// Runs a script as the tables' owner with psql, and gives what psql says: notices, warnings, errors.
  func remarks(_ script: String) async throws -> String {
    let psql = try ChildProcess(
      "psql", ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-", dsn], input: .pipe,
      output: .pipe, error: .pipe)
    psql.write(Array(script.utf8))
    psql.closeInput()
    return await psql.allOutput()
  }

  /// Applies the migration for these tables.
  func migrate(_ tables: TableConfiguration...) async throws {
    try await run(Migration(tables: tables).sql)
  }

  /// What the ledger has: `operation schema.table key`, in the order of ids.
  func entries() async throws -> [String] {
    try await run(
      """
      select concat_ws(' ', operation, schema_name || '.' || table_name, primary_key::text)
      from public.sync_deletions order by id
      """
    ).compactMap(\.first!)
  }

  func value(_ query: String) async throws -> String? { try await run(query).first?.first ?? nil }

  /// The error of a script that has to fail.
  func failure(_ script: String) async throws -> PostgresError {
    try #require(await #expect(throws: PostgresError.self) { try await run(script) })
  }
}

extension TableConfiguration {
  init(_ name: String, schema: String = "public", keys: String...) {
    self.init(
      name: TableName(schema: schema, name: name), primaryKeys: keys, incrementalFields: ["at"])
  }
}
