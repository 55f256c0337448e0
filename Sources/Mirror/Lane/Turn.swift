/// Lets one piece of work at a time through, in the order of arrival. It belongs to one actor.
struct Turn {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// False: it was taken already; wait for it with `wait`.
  mutating func take() -> Bool {
    defer { isTaken = true }
    return !isTaken
  }

  /// Resumes `continuation` once all that came before have ended.
  mutating func wait(_ continuation: CheckedContinuation<Void, Never>) {
    waiting.append(continuation)
  }

  /// Passes the turn on to who waits longest.
  mutating func end() {
    if waiting.isEmpty {
      isTaken = false
    } else {
      waiting.removeFirst().resume()
    }
  }
}
