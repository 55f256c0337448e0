/// The HTTP proxy before a place, by the variables that requests follow: `https_proxy`, `http_proxy`, `all_proxy` and
/// `no_proxy`.
struct WebSocketProxy: Hashable, Sendable {
  let host: String
  let port: Int
  /// `user:password`. Never to be shown.
  let credentials: String?

  /// Nil: there is none.
  init?(before place: HTTPPlace, _ environment: [String: String]) throws(WebSocketError) {
    // The upper case of `http_proxy` can be set by whoever sends a request to a CGI program.
    let names =
      (place.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"])
      + ["all_proxy", "ALL_PROXY"]
    guard !place.isLoopback, let name = names.first(where: { environment[$0]?.isEmpty == false }),
      let value = environment[name],
      !Self.isExcepted(place.host, environment["no_proxy"] ?? environment["NO_PROXY"] ?? "")
    else { return nil }
    let scheme = "http://"
    guard value.hasPrefix(scheme) || !value.contains("://") else {
      throw .unusableProxy(place, name)
    }
    let authority = value.dropFirst(value.hasPrefix(scheme) ? scheme.count : 0).prefix { $0 != "/" }
    let at = authority.lastIndex(of: "@")
    credentials = at.map { String(authority[..<$0]) }
    let server = at.map { authority[authority.index(after: $0)...] } ?? authority
    guard let proxy = try? HTTPPlace("\(scheme)\(server)/") else {
      throw .unusableProxy(place, name)
    }
    host = proxy.host.hasPrefix("[") ? String(proxy.host.dropFirst().dropLast()) : proxy.host
    // libcurl's own where none is named.
    port = proxy.port.flatMap { Int($0) } ?? (server.hasSuffix(":80") ? 80 : 1080)
  }

  /// As libwebsockets wants it.
  func text(_ address: String) -> String {
    let address = address.contains(":") ? "[\(address)]" : address
    return "\(credentials.map { $0 + "@" } ?? "")\(address):\(port)"
  }

  private static func isExcepted(_ host: String, _ exceptions: String) -> Bool {
    let host = host.lowercased()
    return exceptions.lowercased().split { $0 == "," || $0 == " " }.contains { entry in
      let entry = entry.drop { $0 == "." }
      return entry == "*" || host == entry || host.hasSuffix(".\(entry)")
    }
  }
}
