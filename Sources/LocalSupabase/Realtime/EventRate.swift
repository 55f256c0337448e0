/// Counts events and tells when there are too many of them: the average over up to 12 ticks, looked at at every tick. A
/// new count starts with a tick that counted nothing.
struct EventRate: Sendable {
  private let limit: Int?
  private let tick: Duration
  private let start: Duration
  /// The newest first.
  private var counts: [Int] = []
  private var ticks = 0
  private var current = 0
  private(set) var isExceeded = false

  /// - Parameters:
  ///   - limit: a second; nil: never exceeded.
  ///   - now: on any clock that never goes back.
  init(limit: Int?, tick: Duration, now: Duration) {
    self.limit = limit
    self.tick = tick
    start = now
    advance(to: now)
  }

  mutating func count(_ events: Int) { current += events }

  /// Looks at the count at every tick up to `now`.
  mutating func advance(to now: Duration) {
    while start + tick * ticks <= now {
      ticks += 1
      counts.insert(current, at: 0)
      current = 0
      if counts.count > 12 { counts.removeLast() }
      let seconds = tick / .seconds(1) * Double(counts.count)
      isExceeded = limit.map { Double(counts.reduce(0, +)) / seconds >= Double($0) } ?? false
    }
  }
}
