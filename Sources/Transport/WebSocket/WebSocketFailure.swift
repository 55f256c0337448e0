extension WebSocketError {
  static var unusableURL: WebSocketError {
    WebSocketError(
      .badURL,
      "The address is not one that can be used: it must begin with wss:// or ws:// and a host name, "
        + "hold no user name, and be percent-encoded.")
  }

  static func unusableHeader(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .other, "The WebSocket to \(place) was to be opened with an unusable header field.")
  }

  static func cancelled(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(.cancelled, "The WebSocket to \(place) was cancelled.")
  }

  static func timedOut(_ place: HTTPPlace, after limit: Duration) -> WebSocketError {
    WebSocketError(.timedOut, "\(place) did not open the WebSocket within \(limit).")
  }

  static func refused(_ place: HTTPPlace, status: Int) -> WebSocketError {
    WebSocketError(
      .refused(status: status), "\(place) refused the WebSocket with HTTP status \(status).")
  }

  static func noUpgrade(_ place: HTTPPlace, _ why: String) -> WebSocketError {
    WebSocketError(
      .other, "What answers at \(place) does not speak WebSocket (\(why)): check the address.")
  }

  static func lostInUpgrade(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(.lost, "\(place) ended the connection before the WebSocket was open.")
  }

  static func lost(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .lost, "The WebSocket to \(place) was lost: the connection ended without a close frame.")
  }

  static func closed(_ place: HTTPPlace, code: Int?) -> WebSocketError {
    let code = (kind: Kind.closed(code: code), words: code.map { "with code \($0)" })
    return WebSocketError(
      code.kind, "\(place) closed the WebSocket \(code.words ?? "without a code").")
  }

  static func closedHere(_ place: HTTPPlace, code: Int) -> WebSocketError {
    WebSocketError(.closed(code: code), "The WebSocket to \(place) was closed here.")
  }

  static func tooLarge(_ place: HTTPPlace, limit: Int) -> WebSocketError {
    WebSocketError(.tooLarge, "A message of \(place) is longer than the limit of \(limit) bytes.")
  }

  static func violated(_ place: HTTPPlace, _ how: String) -> WebSocketError {
    WebSocketError(.other, "\(place) broke the WebSocket protocol: \(how).")
  }

  static func receivedTwice(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(.other, "The WebSocket to \(place) is being received by another task already.")
  }

  /// What kept the connection from being made, in the words that the HTTP client has for it.
  init(_ error: HTTPError) {
    let kind: Kind =
      switch error.kind {
      case .badURL: .badURL
      case .nameNotResolved: .nameNotResolved
      case .cannotConnect: .cannotConnect
      case .tls: .tls
      case .interrupted: .lost
      case .timedOut: .timedOut
      case .cancelled: .cancelled
      case .answerTooLarge, .other: .other
      }
    self.init(kind, error.description)
  }
}
