/// A small HTTP/1.1 server on 127.0.0.1 that passes on and sends exactly the bytes it is given: raw targets,
/// raw reason phrases, headers in order, and broken answers on demand.
///
/// Requests of one connection are handled in order, connections concurrently. Handlers run on the global
/// executor; the task of a handler is cancelled when its client disconnects or the server stops.
package final class HTTPServer: Sendable {
  package typealias Handler = @Sendable (ServerRequest) async -> ServerAnswer
  /// Asked about a request whose client waits for `100 Continue`, before its body is sent (it is empty
  /// here); an answer refuses the request, nil lets it come.
  package typealias Refusal = @Sendable (ServerRequest) async -> ServerAnswer?

  /// Asked about each GET request with `Upgrade: websocket` before the handler; nil leaves it to the handler.
  package typealias Upgrade = @Sendable (ServerRequest) async -> WebSocketAcceptance?

  package let port: Int
  private let connections: ServerConnections
  private let stopping = Locked<Task<Void, Never>?>(nil)

  /// Listens on 127.0.0.1; port 0 is any free one. Throws where the port cannot be had.
  package static func start(
    port: Int = 0, refusal: Refusal? = nil, upgrade: Upgrade? = nil, handler: @escaping Handler
  ) throws(ServerError) -> HTTPServer {
    try HTTPServer(
      TCPListener(port: port),
      ServerConnections.Answering(refusal: refusal, upgrade: upgrade, handler: handler))
  }

  private init(_ listener: TCPListener, _ answering: ServerConnections.Answering) {
    port = listener.port
    connections = ServerConnections(listener, answering)
    listener.begin(connections)
  }

  deinit {
    guard stopping.withLock({ $0 == nil }) else { return }
    Task { [connections] in await connections.stop(closing: nil) }
  }

  /// Cancels every handler and WebSocket session, waits for them to return, closes the listener and every
  /// connection. Nothing is answered any more once this was called. May be called twice; the first call decides.
  ///
  /// - Parameter code: open WebSockets get a close frame with it (1012 says that a service restarts) and two
  ///   seconds to take it; without it they just end.
  package func stop(closing code: Int? = nil) async {
    let task = stopping.withLock { stopping in
      let task = stopping ?? Task { [connections] in await connections.stop(closing: code) }
      stopping = task
      return task
    }
    await task.value
  }
}
