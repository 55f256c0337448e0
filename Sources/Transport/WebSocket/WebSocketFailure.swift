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
    // libwebsockets says 1002 for the codes that it does not know, of which servers use these.
    let others = code.kind == .closed(code: 1002) ? ", or 1012 to 1014" : ""
    return WebSocketError(
      code.kind, "\(place) closed the WebSocket \(code.words ?? "without a code")\(others).")
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

  static func nameNotResolved(_ place: HTTPPlace, _ host: String) -> WebSocketError {
    WebSocketError(
      .nameNotResolved,
      "The name of \(host) could not be resolved: check the address and this machine's DNS.")
  }

  /// libwebsockets does not tell the one from the other.
  static func unreachable(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .cannotConnect, "No connection to \(place): it was refused, or there is no way there.")
  }

  static func proxyFailed(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(.cannotConnect, "The proxy before \(place) made no connection to it.")
  }

  static func unusableProxy(_ place: HTTPPlace, _ variable: String) -> WebSocketError {
    WebSocketError(
      .other,
      "The WebSocket to \(place) cannot go through the proxy of \(variable): it must be http://host:port."
    )
  }

  static func unreadableAuthorities(_ file: String) -> WebSocketError {
    WebSocketError(
      .tls, "The certificate authorities of \(file) could not be read: check SYNC_CA_FILE.")
  }

  static func untrusted(_ place: HTTPPlace, _ why: String) -> WebSocketError {
    WebSocketError(
      .tls,
      "The certificate of \(place) could not be verified (\(why)): a private authority can be named with "
        + "SYNC_CA_FILE.")
  }

  static func insecure(_ place: HTTPPlace, _ why: String) -> WebSocketError {
    WebSocketError(.tls, "No secure connection to \(place): \(why).")
  }

  static func namelessTLS(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .badURL, "The certificate of \(place) cannot be checked: use a name, or an IPv4 address.")
  }

  static func tooLongAddress(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .badURL,
      "The address of the WebSocket to \(place) is too long: the host may have "
        + "\(WebSocketRequestHead.maximumHostBytes) bytes, path and query "
        + "\(WebSocketRequestHead.maximumTargetBytes).")
  }

  static func noContext(_ place: HTTPPlace) -> WebSocketError {
    WebSocketError(
      .other,
      "libwebsockets could not be set up for the WebSocket to \(place): the process may have no memory or "
        + "file descriptors left.")
  }

  /// Why an attempt that got as far as a connection failed, in libwebsockets' words.
  static func handshake(_ place: HTTPPlace, _ failure: WebSocketContext.Failure) -> WebSocketError {
    let (status, reason) = (failure.status, failure.reason)
    if status >= 100, status != 101 { return .refused(place, status: status) }
    if reason.hasPrefix("proxy") { return .proxyFailed(place) }
    let known: [(String, String)] = [
      ("ACCEPT missing", "its answer belongs to another request"),
      ("Accept hash", "its answer belongs to another request"),
      ("UPGRADE missing", "it does not upgrade the connection"),
      ("UPGRADE malformed", "it does not upgrade the connection"),
      ("something other", "it upgrades to something else"),
      ("PROTOCOL", "it uses what it was not asked for"),
      ("EXT", "it uses what it was not asked for"),
      ("HS:", "its answer is not HTTP"),
      ("parsing header", "its answer is not HTTP"),
    ]
    for (words, why) in known where reason.contains(words) { return .noUpgrade(place, why) }
    return .lostInUpgrade(place)
  }
}
