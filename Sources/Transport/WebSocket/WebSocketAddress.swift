/// A WebSocket's URL, taken apart.
struct WebSocketAddress: Hashable, Sendable {
  let place: HTTPPlace
  /// Path and query as the request line has them. Never to be shown: the query may hold a key.
  let target: String
  /// All that libcurl is told: it has no need of the target.
  let origin: String

  init(_ url: String) throws(WebSocketError) {
    let schemes = [("ws://", "http://"), ("wss://", "https://")]
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      let (scheme, origin) = schemes.first(where: { url.lowercased().hasPrefix($0.0) })
    else { throw .unusableURL }
    let rest = url.dropFirst(scheme.count)
    let authority = rest.prefix { !"/?#".contains($0) }
    self.origin = "\(origin)\(authority)/"
    do {
      place = try HTTPPlace(self.origin)
    } catch {
      throw .unusableURL
    }
    let target = rest.dropFirst(authority.count).prefix { $0 != "#" }
    self.target = target.hasPrefix("/") ? String(target) : "/\(target)"
  }
}
