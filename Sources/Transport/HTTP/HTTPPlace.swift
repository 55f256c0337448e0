internal import CCurl

/// Where a request goes, as far as it may be told: never a path, a query or credentials.
struct HTTPPlace: Hashable, Sendable, CustomStringConvertible {
  let isSecure: Bool
  let host: String
  /// As the URL has it; nil is the scheme's own.
  let port: String?

  /// Reads the URL with the parser that the request will be sent with.
  init(_ url: String) throws(HTTPError) {
    // A C string ends at a zero byte, and libcurl takes a third slash for a slip.
    guard !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }),
      !url.drop(while: { $0 != ":" }).hasPrefix(":///"),
      let parts = unsafe curl_url()
    else { throw .unusableURL }
    defer { unsafe curl_url_cleanup(parts) }
    let flags = UInt32(CURLU_DISALLOW_USER)
    guard unsafe curl_url_set(parts, CURLUPART_URL, url, flags) == CURLUE_OK,
      let scheme = unsafe Self.part(CURLUPART_SCHEME, of: parts),
      ["http", "https"].contains(scheme),
      let host = unsafe Self.part(CURLUPART_HOST, of: parts), !host.isEmpty
    else { throw .unusableURL }
    isSecure = scheme == "https"
    self.host = host
    port = unsafe Self.part(CURLUPART_PORT, of: parts)
  }

  private static func part(_ part: CURLUPart, of parts: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard unsafe curl_url_get(parts, part, &text, 0) == CURLUE_OK, let text = unsafe text else {
      return nil
    }
    defer { unsafe curl_free(text) }
    return unsafe String(cString: text)
  }

  var description: String { port.map { "\(host):\($0)" } ?? host }

  /// This machine itself, which no proxy can stand before.
  var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }
}
