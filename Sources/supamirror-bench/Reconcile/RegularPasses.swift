import JSON
import LocalSupabase
import Transport

/// The passes of a running daemon, one after the other, as its status tells of them.
actor RegularPasses {
  struct Pass {
    let seconds: Double
    /// To both projects since the end of the pass before; nil where they cannot be asked.
    let requests: Int?
  }

  private let port: Int
  private let pair: BenchPair
  private let client = HTTPClient()
  private var count = 0
  private var requests: Int?

  init(port: Int, pair: BenchPair) {
    self.port = port
    self.pair = pair
    requests = pair.requests
  }

  /// Returns when another pass has ended.
  func next() async throws -> Pass {
    let start = ContinuousClock.now
    while true {
      if let pass = await look() { return pass }
      guard ContinuousClock.now - start < .seconds(120) else {
        throw BenchStopped(description: "the daemon has ended no pass for two minutes")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func look() async -> Pass? {
    let request = HTTPRequest(method: "GET", url: "http://127.0.0.1:\(port)/status.json")
    guard let answer = try? await client.send(request),
      let pass = (try? JSONNode(parsing: answer.body))?["pass"],
      case .number(let number) = pass["count"]?.value, let count = Int(number), count > self.count,
      case .number(let seconds) = pass["lastSeconds"]?.value, let seconds = Double(seconds)
    else { return nil }
    let now = pair.requests
    defer { (self.count, requests) = (count, now) }
    let more = now.flatMap { now in requests.map { now - $0 } }
    return Pass(seconds: seconds, requests: more.map { $0 / (count - self.count) })
  }
}
