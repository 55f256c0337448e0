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

  package init() {}
}
