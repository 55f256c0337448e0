import Transport

/// Why there is no socket, and the least wait before the next one.
struct SocketEnd: Hashable {
  let problem: FeedProblem
  /// A limit of the server was met.
  let isLimit: Bool

  init(_ kind: FeedProblem.Kind, _ text: String) {
    problem = FeedProblem(kind, text)
    isLimit = kind == .limit
  }

  /// - Parameter shown: the error's own sentence, fit to be shown.
  init(_ error: WebSocketError, shown: String) {
    switch error.kind {
    case .refused(status: 401):
      self.init(
        .token,
        "Realtime refused the key (\(shown)); use the project's current service_role or sb_secret_ key."
      )
    // Servers before v2.116 answer every refusal so (`v2_78_15_connect_errors`).
    case .refused(status: 403):
      self.init(
        .token,
        "Realtime refused the connection (\(shown)); check the key, whether Realtime is switched on, and the project's limit of connections."
      )
    case .refused(status: 404):
      self.init(.connection, "Realtime is not found there (\(shown)); check the project's URL.")
    case .refused(status: 429):
      self.init(
        .limit,
        "Realtime is over a limit (\(shown)); close other clients or raise the project's limit.")
    case .refused: self.init(.connection, "Realtime did not take the connection (\(shown)).")
    // 1000 as well: it is how the server ends an idle socket (`no_heartbeat`).
    case .closed: self.init(.server, "Realtime closed the connection (\(shown)).")
    case .badURL, .nameNotResolved, .cannotConnect, .tls:
      self.init(.connection, "Realtime cannot be reached (\(shown)).")
    case .tooLarge:
      self.init(.connection, "The connection was ended because of a huge message (\(shown)).")
    case .lost, .timedOut, .cancelled, .other:
      self.init(.connection, "The connection to Realtime was lost (\(shown)).")
    }
  }
}

/// Shows text of others in a sentence of ours: one line, not long, and never with a key in it.
struct Redaction {
  private var secrets: [String] = []

  init(_ key: ServiceKey) { add(key) }

  mutating func add(_ key: ServiceKey) {
    for secret in [key.secret, percentEncoded(key.secret, leaving: "")]
    where !secret.isEmpty && !secrets.contains(secret) {
      secrets.append(secret)
    }
  }

  func shown(_ text: String) -> String {
    var text = text
    for secret in secrets { text = text.replacing(secret, with: "[service key]") }
    let line = text.unicodeScalars.prefix(Self.longest).map { scalar in
      scalar.value < 0x20 || scalar.value == 0x7F ? " " : Character(scalar)
    }
    var shown = String(line)
    if text.unicodeScalars.count > Self.longest { shown += "…" }
    while let last = shown.last, last == "." || last == " " { shown.removeLast() }
    return shown
  }

  private static let longest = 400
}
