/// A WebSocket to be opened.
package struct WebSocketRequest: Sendable {
  /// `ws://` or `wss://`, percent-encoded by whoever made it. Its query may hold a key, so only scheme, host and
  /// port of it may be shown.
  package var url: String
  package var headers: HTTPHeaders
  /// Certificate authorities to trust beside the system's (PEM).
  package var caFile: String?
  /// From the start to the finished upgrade.
  package var connectLimit: Duration
  /// A longer message ends the connection with `.tooLarge` before it is held in memory.
  package var maximumMessageBytes: Int

  package init(
    url: String, headers: HTTPHeaders = [], caFile: String? = nil,
    connectLimit: Duration = .seconds(20), maximumMessageBytes: Int = 16 << 20
  ) {
    self.url = url
    self.headers = headers
    self.caFile = caFile
    self.connectLimit = connectLimit
    self.maximumMessageBytes = maximumMessageBytes
  }
}

/// One whole message, put together from its fragments.
package enum WebSocketMessage: Hashable, Sendable {
  case text([UInt8])
  case binary([UInt8])
}

/// Why there is no WebSocket (any more). The sentence never holds a header, a body or a query string.
package struct WebSocketError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    case badURL
    case nameNotResolved
    case cannotConnect
    case tls
    /// The server answered the upgrade with this HTTP status.
    case refused(status: Int)
    /// A close frame came; nil where it held no code.
    case closed(code: Int?)
    /// The connection ended without a close frame.
    case lost
    case timedOut
    case tooLarge
    case cancelled
    case other
  }

  package var kind: Kind
  /// What happened, in one sentence with the host's name.
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// One open WebSocket. Pings are answered by it. Nothing is read from the network while `queued` messages wait to
/// be received, so a slow receiver slows the server down and memory stays bounded.
package protocol WebSocketConnection: Sendable {
  /// The next message, in order; one task at a time. Messages that came before the end are given first, then the
  /// end is thrown, again and again.
  func receive() async throws(WebSocketError) -> WebSocketMessage
  /// Returns when the text is handed to the network; in the order of the calls.
  func send(_ text: [UInt8]) async throws(WebSocketError)
  /// Sends a close frame, waits briefly for the server's, and ends the connection. May be called twice.
  func close(code: Int) async
}

/// Opens WebSockets; the boundary that tests put a twin in.
package protocol WebSocketTransport: Sendable {
  /// - Throws: `WebSocketError`; `.cancelled` where the task was cancelled.
  func connect(_ request: WebSocketRequest) async throws(WebSocketError) -> any WebSocketConnection
}
