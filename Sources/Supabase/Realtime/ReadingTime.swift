/// Time as far as messages were read in it. While the receiver of events takes its time nothing is read, and an
/// answer of the server may wait behind what was not read yet: so answers are waited for in this time.
struct ReadingTime: Hashable {
  /// How long nothing was read until now, closed pauses only.
  private var paused = Duration.zero
  private var pausedAt: Duration?

  /// - Parameter now: since the client's beginning.
  func time(at now: Duration) -> Duration { (pausedAt ?? now) - paused }

  /// When a point in this time is reached, if nothing more pauses it; nil while nothing is read.
  func moment(of time: Duration) -> Duration? { pausedAt == nil ? time + paused : nil }

  var isPaused: Bool { pausedAt != nil }

  mutating func pause(at now: Duration) { pausedAt = pausedAt ?? now }

  mutating func resume(at now: Duration) {
    guard let start = pausedAt else { return }
    paused += max(now - start, .zero)
    pausedAt = nil
  }
}
