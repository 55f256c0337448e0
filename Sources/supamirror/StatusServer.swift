package import Mirror
import Transport

/// The status page, metrics and health checks on 127.0.0.1.
package struct StatusServer: Sendable {
  private let server: HTTPServer

  package var port: Int { server.port }
  /// For the log.
  package var url: String { "http://127.0.0.1:\(port)/" }

  /// - Parameters:
  ///   - port: 0 is any free one.
  ///   - status: called once a request, from any thread.
  ///   - isAlive: whether the daemon itself makes progress.
  /// - Throws: where the port cannot be had, with the sentence for the operator.
  package static func start(
    port: Int, status: @escaping @Sendable () async -> MirrorStatus,
    isAlive: @escaping @Sendable () -> Bool
  ) throws(ConfigurationError) -> StatusServer {
    let router = StatusRouter(status: status, isAlive: isAlive)
    do {
      return StatusServer(server: try HTTPServer.start(port: port) { await answer($0, by: router) })
    } catch {
      throw ConfigurationError(["SYNC_STATUS_LISTEN: \(error); use another port, or none"])
    }
  }

  /// Returns when everything is closed.
  package func stop() async { await server.stop() }

  private static func answer(_ request: ServerRequest, by router: StatusRouter) async
    -> ServerAnswer
  {
    let hosts = request.headers.fields.filter { $0.name.lowercased() == "host" }.map(\.value)
    let answer = await router.answer(
      method: request.method, target: String(decoding: request.target, as: UTF8.self), hosts: hosts)
    return ServerAnswer(
      status: answer.status,
      headers: HTTPHeaders(answer.headers.map { HTTPHeader($0.name, $0.value) }),
      body: answer.body, framing: .contentLength)
  }
}
