/// How the engine is set up; the names are PostgREST's.
package struct RESTOptions: Sendable {
  /// `db-schemas`: the first one answers where no profile is asked for.
  package var schemas = ["public"]
  package var extraSearchPath = ["public", "extensions"]
  /// `db-anon-role`; nil: a request without a role is refused.
  package var anonRole: String? = "anon"
  /// `db-max-rows`; nil: no cap.
  package var maxRows: Int? = 1_000
  package var poolSize = 10
  package var poolAcquisitionTimeout: Duration = .seconds(10)
  package var jwtSecret = ""

  /// `openapi-mode`.
  package enum OpenAPIMode: Sendable {
    case followsPrivileges
    case ignoresPrivileges
    case disabled
  }
  package var openAPIMode = OpenAPIMode.followsPrivileges
  /// Host and port that the root document names.
  package var openAPIHost = "127.0.0.1"
  /// `openapi-server-proxy-uri`.
  package var openAPIProxyURI: String?

  package init() {}
}
