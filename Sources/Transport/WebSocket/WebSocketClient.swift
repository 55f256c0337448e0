/// Opens WebSockets, each on a thread of its own, so that neither a slow server nor a name that cannot be resolved
/// holds up another.
///
/// Certificates and host names are always verified; no redirect is followed; an HTTP proxy of the environment
/// (`https_proxy`, `no_proxy`) is used as in every request. Nothing ends an idle WebSocket: whoever wants to know
/// whether the server is still there has to ask it.
///
/// The protocol is libwebsockets' work. It tells of the close codes 1012 to 1014 as 1002.
///
/// May be called from any task. A WebSocket that is open outlives the client that opened it; it ends with its own
/// last reference.
package final class WebSocketClient: WebSocketTransport {
  private struct Sockets {
    var weak: [WeakSocket] = []
    var isClosed = false
  }

  private struct WeakSocket {
    weak let socket: ClientWebSocket?
  }

  private let userAgent: String
  private let environment: [String: String]
  private let resolve: NameLookup.Resolve
  private let sockets = Locked(Sockets())

  package convenience init(userAgent: String = "supamirror") {
    self.init(userAgent: userAgent, ProcessEnvironment.read(), resolve: NameLookup.system)
  }

  init(
    userAgent: String = "supamirror", _ environment: [String: String] = [:],
    resolve: @escaping NameLookup.Resolve
  ) {
    self.userAgent = userAgent
    self.environment = environment
    self.resolve = resolve
  }

  /// Cancelling the task ends the attempt at once.
  package func connect(
    _ request: WebSocketRequest
  ) async throws(WebSocketError) -> any WebSocketConnection {
    let address = try WebSocketAddress(request.url)
    if Task.isCancelled { throw .cancelled(address.place) }
    let socket = try ClientWebSocket(
      WebSocketPlan(
        request, address,
        head: try WebSocketRequestHead(address, request.headers, userAgent: userAgent),
        proxy: try WebSocketProxy(before: address.place, environment), resolve: resolve))
    let isClosed = sockets.withLock { sockets in
      sockets.weak.removeAll { $0.socket == nil }
      sockets.weak.append(WeakSocket(socket: socket))
      return sockets.isClosed
    }
    if isClosed { throw .cancelled(address.place) }
    try await socket.open()
    return socket
  }

  /// Ends every WebSocket without a close frame, and any later attempt, with `.cancelled`.
  package func close() async {
    let open = sockets.withLock { sockets in
      sockets.isClosed = true
      return sockets.weak.compactMap(\.socket)
    }
    for socket in open { await socket.abort() }
  }
}
