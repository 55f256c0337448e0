import LocalSupabase

/// The way to both projects, with a round trip of so long. Without one it is direct; else through a relay in front of
/// each project, which keeps every byte for half of that time in each direction. Making a connection takes no time.
struct Route {
  let source: MirrorSetup.Endpoint
  let target: MirrorSetup.Endpoint
  private let relays: [FaultRelay]

  init(_ pair: BenchPair, milliseconds: Int) async throws {
    guard milliseconds > 0 else {
      (source, target, relays) = (pair.source.endpoint, pair.target.endpoint, [])
      return
    }
    var relays: [FaultRelay] = []
    var ends: [MirrorSetup.Endpoint] = []
    for project in [pair.source, pair.target] {
      guard let place = Self.place(project.url) else {
        throw BenchStopped(description: "no relay can stand before \(project.url)")
      }
      let relay = try FaultRelay.start(host: place.host, hostPort: place.port)
      let half = Duration.microseconds(milliseconds * 500)
      await relay.setMode(.pass, latencyToServer: half, latencyToClient: half)
      relays.append(relay)
      ends.append(MirrorSetup.Endpoint(url: relay.url, key: project.key))
    }
    (source, target, self.relays) = (ends[0], ends[1], relays)
  }

  /// Whether relays can stand before both: without TLS, whose names would not fit.
  static func isPossible(_ pair: BenchPair) -> Bool {
    [pair.source, pair.target].allSatisfy { place($0.url) != nil }
  }

  private static func place(_ url: String) -> (host: String, port: Int)? {
    guard url.hasPrefix("http://") else { return nil }
    let host = url.dropFirst("http://".count).prefix { $0 != "/" }
    let parts = host.split(separator: ":")
    guard let name = parts.first else { return nil }
    return (String(name), parts.count > 1 ? Int(parts[1]) ?? 80 : 80)
  }

  func stop() async { for relay in relays { await relay.stop() } }
}
