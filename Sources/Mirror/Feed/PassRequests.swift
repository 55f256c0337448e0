/// When a pass is to be asked for: requests that come close together share one, and none is made while an earlier one
/// waits for its pass to begin.
struct PassRequests: Sendable {
  private struct Request {
    /// A pass that begins then or later will do.
    var needed: Duration
    /// When it is asked for.
    let due: Duration
    let reason: String
  }

  private var requests: [Request] = []
  /// The last request that was made, until a pass begins.
  private(set) var unbegun: Duration?
  private(set) var lastMade: Duration?

  var nextDue: Duration? { requests.map(\.due).min() }
  var isEmpty: Bool { requests.isEmpty && unbegun == nil }

  /// A pass that begins at `needed` or later, asked for by `due`.
  mutating func ask(needed: Duration, by due: Duration, _ reason: String) {
    if let shared = requests.firstIndex(where: { $0.due >= needed && $0.due <= due }) {
      requests[shared].needed = max(requests[shared].needed, needed)
    } else {
      requests.append(Request(needed: needed, due: due, reason: reason))
    }
  }

  /// The reason for which a pass is to be asked for now.
  mutating func take(at now: Duration) -> String? {
    guard let due = requests.first(where: { $0.due <= now }) else { return nil }
    requests.removeAll { $0.needed <= now }
    guard unbegun == nil else { return nil }
    unbegun = now
    lastMade = now
    return due.reason
  }

  mutating func passBegan(at began: Duration) {
    requests.removeAll { $0.needed <= began }
    if let asked = unbegun, asked <= began { unbegun = nil }
  }
}
