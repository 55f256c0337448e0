/// What becomes of a request to upgrade to a WebSocket.
package enum WebSocketAcceptance: Sendable {
  /// Answered as any request is; no WebSocket comes of it.
  case refuse(ServerAnswer)
  /// Answered 101 with `headers` after the handshake's own. `session` then runs until it returns, which closes the
  /// WebSocket with 1000 where nobody has closed it. Its task is cancelled once the client is gone or the
  /// server stops.
  ///
  /// A request whose handshake is not RFC 6455's (version 13, a key) is refused instead.
  case accept(
    headers: HTTPHeaders = [], limits: ServerWebSocketLimits = ServerWebSocketLimits(),
    session: @Sendable (ServerWebSocket) async -> Void)
}

package struct ServerWebSocketLimits: Hashable, Sendable {
  /// A longer message closes the WebSocket with 1009 before it is held in memory. The default is that of
  /// Realtime, 5,000,000.
  package var messageBytes: Int
  /// While so many messages wait to be received, nothing is read: no further message, ping or close frame.
  package var waitingMessages: Int

  package init(messageBytes: Int = 5_000_000, waitingMessages: Int = 64) {
    self.messageBytes = messageBytes
    self.waitingMessages = max(1, waitingMessages)
  }
}

/// Why a server's WebSocket is over.
package enum ServerWebSocketEnd: Hashable, Sendable {
  /// The client's close frame came; nil where it held no code.
  case closedByClient(code: Int?)
  /// The server sent a close frame: by `close`, or because of what the client sent (1002, 1007, 1009).
  case closedByServer(code: Int?)
  /// By `reset`.
  case reset
  /// The connection ended without a close frame, or the server stopped.
  case lost
}

/// The server's half of the opening handshake (RFC 6455, section 4.2).
enum WebSocketHandshake {
  /// GET with `Upgrade: websocket`, whatever else it lacks.
  static func isAsked(by request: ServerRequest) -> Bool {
    request.method == "GET"
      && request.headers.fields.contains { field in
        field.name.lowercased() == "upgrade" && hasWord("websocket", field.value)
      }
  }

  /// Why a WebSocket cannot be had with this request, though the one who was asked accepts it.
  static func refusal(of request: ServerRequest) -> ServerAnswer? {
    let headers = request.headers
    guard headers["Sec-WebSocket-Version"].map({ hasWord("13", $0) }) == true else {
      return ServerAnswer(
        status: 426, reason: Array("Upgrade Required".utf8),
        headers: [
          HTTPHeader("Connection", "Upgrade"), HTTPHeader("Upgrade", "websocket"),
          HTTPHeader("Sec-WebSocket-Version", "13"),
        ], framing: .contentLength)
    }
    guard let key = headers["Sec-WebSocket-Key"], trimmed(key).utf8.count == 24,
      headers.fields.contains(where: {
        $0.name.lowercased() == "connection" && hasWord("upgrade", $0.value)
      })
    else { return ServerAnswer(status: 400, framing: .contentLength) }
    return nil
  }

  /// The head of the answer that opens the WebSocket.
  static func head(for request: ServerRequest, _ headers: HTTPHeaders) -> [UInt8] {
    let key = trimmed(request.headers["Sec-WebSocket-Key"] ?? "")
    var head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: \(accept(key))\r\n"
    for header in headers.fields { head += "\(header.name): \(header.value)\r\n" }
    return Array((head + "\r\n").utf8)
  }

  static func accept(_ key: String) -> String {
    Base64.encode(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  private static func hasWord(_ word: String, _ value: String) -> Bool {
    value.split(separator: ",").contains { trimmed(String($0)).lowercased() == word }
  }

  private static func trimmed(_ text: String) -> String {
    var text = text.utf8.drop { $0.isBlank }
    while text.last?.isBlank == true { text.removeLast() }
    return String(Substring(text))
  }
}
