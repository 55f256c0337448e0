package import Transport

/// Stands where the REST service will be, so that the rest of a project can be built and tested; goes when that comes.
package struct RESTOptions: Sendable {
  package var schemas = ["public"]
  package var maxRows: Int?
  package var poolSize = 10
  package var jwtSecret = ""

  package init() {}
}

package final class RESTService: Sendable {
  package init(databaseDSN: String, options: RESTOptions) async throws {}

  package func answer(_ request: ServerRequest) async -> ServerAnswer {
    ServerAnswer(status: 501, body: Array("not there yet".utf8))
  }

  package func stop() async {}
}
