/// A WebSocket's URL, taken apart.
struct WebSocketAddress: Hashable, Sendable {
  let place: HTTPPlace
  /// Path and query as the request line has them. Never to be shown: the query may hold a key.
  let target: String

  init(_ url: String) throws(WebSocketError) {
    let schemes = [("ws://", "http://"), ("wss://", "https://")]
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let (scheme, origin) = schemes.first(where: { url.lowercased().hasPrefix($0.0) })
    else { throw .unusableURL }
    let rest = url.dropFirst(scheme.count)
    let authority = rest.prefix { !"/?#".contains($0) }
    do {
      place = try HTTPPlace("\(origin)\(authority)/")
    } catch {
      throw .unusableURL
    }
    let target = rest.dropFirst(authority.count).prefix { $0 != "#" }
    self.target = target.hasPrefix("/") ? String(target) : "/\(target)"
  }

  /// What a resolver knows the host by.
  var host: String {
    place.host.hasPrefix("[") ? String(place.host.dropFirst().dropLast()) : place.host
  }

  var port: Int { place.port.flatMap { Int($0) } ?? (place.isSecure ? 443 : 80) }
}
