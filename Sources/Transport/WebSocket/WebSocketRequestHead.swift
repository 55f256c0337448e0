/// What libwebsockets is given to write into the request. It cuts long fields without a word, so they are refused
/// before.
struct WebSocketRequestHead {
  /// libwebsockets has 2,048 bytes for the request line and 128 for the host.
  static let maximumTargetBytes = 2_000
  static let maximumHostBytes = 96

  let target: String
  let host: String
  /// Whole lines.
  let fields: [UInt8]

  init(_ address: WebSocketAddress, _ headers: HTTPHeaders, userAgent: String)
    throws(WebSocketError)
  {
    let place = address.place
    guard address.target.utf8.count <= Self.maximumTargetBytes,
      place.description.utf8.count <= Self.maximumHostBytes
    else { throw .tooLongAddress(place) }
    // The part before the first colon is what libwebsockets would take for the certificate's name.
    guard !place.isSecure || !place.host.hasPrefix("[") else { throw .namelessTLS(place) }
    target = address.target
    host = place.description
    var lines = headers["user-agent"] == nil ? "User-Agent: \(userAgent)\r\n" : ""
    for field in headers.fields {
      guard Self.isUsable(field) else { throw .unusableHeader(place) }
      lines += "\(field.name): \(field.value)\r\n"
    }
    fields = Array(lines.utf8)
    guard fields.count <= WebSocketContext.maximumFieldBytes else { throw .unusableHeader(place) }
  }

  private static func isUsable(_ field: HTTPHeader) -> Bool {
    let name = field.name.lowercased()
    return !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
      && !["host", "connection", "upgrade"].contains(name) && !name.hasPrefix("sec-websocket-")
      && !field.value.utf8.contains { $0 < 0x20 && $0 != 9 || $0 == 0x7F }
  }
}
