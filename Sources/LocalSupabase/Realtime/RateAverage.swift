/// Events a second, averaged over up to twelve ticks of five seconds, as the server's limits are. The average
/// changes only at ticks, and a new counter begins with one empty tick, so a first burst counts by half.
struct RateAverage: Sendable {
  private static let tick: Int64 = 5_000_000
  private static let ticksKept = 12

  private var ended: [Int] = [0]
  private var current = 0
  /// When the tick that runs began; nil before the first event.
  private var began: Int64?

  /// - Parameter now: microseconds, of any clock that does not go back.
  mutating func add(_ count: Int = 1, now: Int64) {
    advance(to: now)
    if began == nil { began = now }
    current += count
  }

  /// The average at the last tick.
  mutating func average(now: Int64) -> Double {
    advance(to: now)
    return Double(ended.reduce(0, +)) / Double(ended.count) / (Double(Self.tick) / 1e6)
  }

  private mutating func advance(to now: Int64) {
    guard var start = began else { return }
    if now - start > Self.tick * Int64(Self.ticksKept + 1) {
      // Nothing is left of what was counted.
      ended = Array(repeating: 0, count: Self.ticksKept)
      current = 0
      start = now - (now - start) % Self.tick
    }
    while now >= start + Self.tick {
      ended = ended.suffix(Self.ticksKept - 1) + [current]
      current = 0
      start += Self.tick
    }
    began = start
  }
}
