package import Transport

/// How a local project is set up.
package struct LocalProjectOptions: Sendable {
  package var schemas = ["public"]
  /// `db-max-rows`; Supabase's default is 1,000. nil: no cap.
  package var maxRows: Int? = 1_000
  package var poolSize = 10
  /// On: what was committed outlives a crash of the machine. A crash of the server alone loses nothing either way.
  package var fsync = false
  package var jwtSecret = "super-secret-jwt-token-with-at-least-32-characters-long"
  /// The schema cache is read anew after every DDL statement, as in every Supabase project.
  package var watchesSchema = true
  /// nil: no Realtime. Its secret is the project's. Nothing is polled before somebody subscribes.
  package var realtime: RealtimeOptions? = RealtimeOptions()

  package init() {}
}

/// One running stand-in for a Supabase project: a PostgreSQL cluster of its own, and in front of it the
/// PostgREST-compatible server at `<url>/rest/v1/` and the Realtime-compatible one at `<url>/realtime/v1/websocket`, on
/// free ports of 127.0.0.1. It ends with this process at the latest.
package final class LocalProject: Sendable {
  /// `http://127.0.0.1:<port>`.
  package let url: String
  package let serviceKey: String
  package let anonKey: String
  /// For libpq, as superuser.
  package let dsn: String
  /// To stop it alone, and to order faults; nil where the options left it out.
  package let realtime: RealtimeService?

  private let cluster: PostgresCluster
  private let admin: PostgresPool
  private let rest: RESTService
  /// Of the servers in front.
  package let port: Int
  private let server: Locked<HTTPServer?>
  private let served = Locked(0)

  /// Returns when the project answers.
  ///
  /// - Throws: `ClusterError` if PostgreSQL cannot be had, `ServerError` if no port can.
  package static func start(_ options: LocalProjectOptions = LocalProjectOptions()) async throws
    -> LocalProject
  {
    var settings = PostgresCluster.Options()
    settings.isDurable = options.fsync
    settings.maxConnections = options.poolSize + 50
    let cluster = try await PostgresCluster.start(settings)
    do {
      return try await LocalProject(cluster, options)
    } catch {
      await cluster.stop()
      throw error
    }
  }

  private init(_ cluster: PostgresCluster, _ options: LocalProjectOptions) async throws {
    self.cluster = cluster
    dsn = cluster.dsn()
    admin = PostgresPool(dsn: dsn, size: 2)
    try await admin.withConnection(waitAtMost: .seconds(60)) { connection in
      try connection.run(script: ProjectSQL.roles)
      if options.watchesSchema { try connection.run(script: ProjectSQL.schemaWatch) }
    }
    port = findFreePort()
    url = "http://127.0.0.1:\(port)"
    serviceKey = JSONWebToken.key(role: "service_role", secret: options.jwtSecret)
    anonKey = JSONWebToken.key(role: "anon", secret: options.jwtSecret)
    rest = try await RESTService(
      databaseDSN: cluster.dsn(user: "authenticator"), options: Self.restOptions(options, port))
    realtime = options.realtime.map { realtime in
      var realtime = realtime
      realtime.jwtSecret = options.jwtSecret
      return RealtimeService(realtime, dsn: cluster.dsn())
    }
    server = Locked(nil)
    do {
      try startServer()
    } catch {
      await rest.stop()
      throw error
    }
  }

  private static func restOptions(_ options: LocalProjectOptions, _ port: Int) -> RESTOptions {
    var rest = RESTOptions()
    rest.schemas = options.schemas
    rest.maxRows = options.maxRows
    rest.poolSize = options.poolSize
    rest.jwtSecret = options.jwtSecret
    rest.openAPIHost = "127.0.0.1:\(port)"
    // As a hosted project's document, which names the gateway.
    rest.openAPIProxyURI = "http://127.0.0.1:\(port)/rest/v1"
    return rest
  }

  /// How many requests the REST service was asked so far.
  package var requests: Int { served.withLock { $0 } }

  /// Runs a script as superuser, in one transaction, and gives the rows of its last statement. What it changes of
  /// the schema is known to the server in front when it returns.
  @discardableResult
  package func sql(_ script: String) async throws -> [[String?]] {
    let rows = try await admin.withConnection(waitAtMost: .seconds(60)) {
      try $0.run(script: script).rows
    }
    try await rest.catchUp { [admin] payload in
      try await admin.withConnection(waitAtMost: .seconds(60)) {
        _ = try $0.execute("select pg_notify('pgrst', $1)", [.text(payload)])
      }
    }
    return rows
  }

  /// Ends PostgreSQL, and every connection with it, while the server in front goes on; the data stays.
  package func stopDatabase() async { await cluster.stopServer() }

  package func startDatabase() async throws { try await cluster.startServer() }

  /// Realtime's slot goes with the old server: what is committed before there is a new one is lost without a word.
  package func restartDatabase() async throws { try await cluster.restart() }

  /// Ends the server in front, while PostgreSQL goes on. Open sockets are closed with 1012.
  package func stopServer() async {
    let running = server.withLock { server in
      defer { server = nil }
      return server
    }
    await running?.stop(closing: 1012)
  }

  /// Starts the server in front again, on the port it had.
  package func startServer() throws(ServerError) {
    let (rest, realtime, served) = (rest, realtime, served)
    let started = try HTTPServer.start(
      port: port,
      upgrade: { request in
        guard let inner = ProjectGateway.realtimeRequest(request) else { return nil }
        return await realtime?.upgrade(inner)
      },
      handler: { request in
        if let inner = ProjectGateway.restRequest(request) {
          served.withLock { $0 += 1 }
          return await rest.answer(inner)
        }
        if let inner = ProjectGateway.realtimeRequest(request),
          let answer = await realtime?.answer(inner)
        {
          return answer
        }
        return ProjectGateway.notFound
      })
    server.withLock { $0 = started }
  }

  /// Ends the servers and removes every file. May be called twice.
  package func stop() async {
    await stopServer()
    await realtime?.stop()
    await rest.stop()
    await admin.close()
    await cluster.stop()
  }
}
