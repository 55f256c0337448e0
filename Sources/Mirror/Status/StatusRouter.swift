/// What the status server answers, as a function of the request: no socket, no waiting. It tells and changes nothing.
package struct StatusRouter: Sendable {
  package struct Answer: Hashable, Sendable {
    package var status: Int
    /// In the order to send them.
    package var headers: [Header]
    package var body: [UInt8]
  }

  package struct Header: Hashable, Sendable {
    package let name: String
    package let value: String
  }

  private let status: @Sendable () async -> MirrorStatus
  private let isAlive: @Sendable () -> Bool

  /// - Parameters:
  ///   - status: the mirror's state now; called once a request, from any thread.
  ///   - isAlive: whether the daemon itself makes progress.
  package init(
    status: @escaping @Sendable () async -> MirrorStatus, isAlive: @escaping @Sendable () -> Bool
  ) {
    self.status = status
    self.isAlive = isAlive
  }

  /// - Parameters:
  ///   - target: the request's, raw.
  ///   - hosts: the values of all its `Host` headers.
  package func answer(method: String, target: String, hosts: [String]) async -> Answer {
    // A page from elsewhere may have its name resolve to 127.0.0.1 (DNS rebinding); its name stays in this header.
    guard hosts.count == 1, Self.isLoopback(hosts[0]) else {
      return Self.text(403, "The Host header must be localhost, 127.0.0.1 or [::1].")
    }
    guard method == "GET" || method == "HEAD" else {
      var answer = Self.text(405, "Only GET and HEAD.")
      answer.headers.append(Header(name: "Allow", value: "GET, HEAD"))
      return answer
    }
    switch target.prefix(while: { $0 != "?" }) {
    case "/":
      return Self.answer(
        200, "text/html; charset=utf-8", StatusPage(await status()).html,
        policy: StatusPage.contentSecurityPolicy)
    case "/healthz":
      return isAlive() ? Self.text(200, "alive") : Self.text(503, "the daemon makes no progress")
    case "/readyz":
      let readiness = Readiness(await status())
      return readiness.isReady
        ? Self.text(200, "ready") : Self.text(503, readiness.reasons.joined(separator: "\n"))
    case "/metrics":
      return Self.answer(200, StatusMetrics.contentType, StatusMetrics(await status()).text)
    case "/status.json":
      let json = StatusJSON.bytes(await status())
      return Self.answer(200, "application/json", String(decoding: json, as: UTF8.self) + "\n")
    default:
      return Self.text(404, "There are /, /status.json, /metrics, /readyz and /healthz.")
    }
  }

  /// With any port or none.
  static func isLoopback(_ host: String) -> Bool {
    let host = host.lowercased()
    for name in ["localhost", "127.0.0.1", "[::1]"] where host.hasPrefix(name) {
      let port = host.dropFirst(name.count)
      if port.isEmpty { return true }
      let digits = port.dropFirst()
      return port.first == ":" && digits.count <= 5 && digits.utf8.allSatisfy { $0 &- 0x30 < 10 }
    }
    return false
  }

  private static func text(_ status: Int, _ line: String) -> Answer {
    answer(status, "text/plain; charset=utf-8", line + "\n")
  }

  private static func answer(
    _ status: Int, _ contentType: String, _ body: String,
    policy: String = "default-src 'none'; frame-ancestors 'none'"
  ) -> Answer {
    Answer(
      status: status,
      headers: [
        Header(name: "Content-Type", value: contentType),
        Header(name: "Cache-Control", value: "no-store"),
        Header(name: "Content-Security-Policy", value: policy),
        Header(name: "X-Content-Type-Options", value: "nosniff"),
        Header(name: "Referrer-Policy", value: "no-referrer"),
        Header(name: "Cross-Origin-Resource-Policy", value: "same-origin"),
      ], body: Array(body.utf8))
  }
}
