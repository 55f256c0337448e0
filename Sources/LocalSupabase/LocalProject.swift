/// How a local project is set up.
package struct LocalProjectOptions: Sendable {
  package var schemas = ["public"]
  /// `db-max-rows`; Supabase's default is 1,000. nil: no cap.
  package var maxRows: Int? = 1_000
  package var poolSize = 10
  /// Keep true where a test kills the server.
  package var fsync = false
  package var jwtSecret = "super-secret-jwt-token-with-at-least-32-characters-long"

  package init() {}
}

/// One running stand-in for a Supabase project: a PostgreSQL cluster of its own and the PostgREST-compatible
/// server in front of it at `<url>/rest/v1/`, on ephemeral ports of 127.0.0.1.
package final class LocalProject: Sendable {
  /// `http://127.0.0.1:<port>`.
  package let url: String
  package let serviceKey: String
  package let anonKey: String
  /// For libpq, as superuser.
  package let dsn: String

  package static func start(_ options: LocalProjectOptions = LocalProjectOptions()) async throws
    -> LocalProject
  { fatalError("skeleton") }

  /// Ends the servers and removes every file.
  package func stop() async {}

  init(url: String, serviceKey: String, anonKey: String, dsn: String) {
    self.url = url
    self.serviceKey = serviceKey
    self.anonKey = anonKey
    self.dsn = dsn
  }
}
