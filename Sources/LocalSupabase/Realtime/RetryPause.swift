/// How long to wait after a failure: random, up to three times as long as the last time.
struct RetryPause: Sendable {
  private let range: ClosedRange<Duration>
  private var last: Duration

  init(_ range: ClosedRange<Duration>) {
    self.range = range
    last = range.lowerBound
  }

  mutating func reset() { last = range.lowerBound }

  mutating func next() -> Duration {
    // Never less than a third of the longest pause once it has grown that far.
    let least = min(last, max(range.lowerBound, range.upperBound / 3))
    let most = max(least, min(last * 3, range.upperBound))
    last = (least...most).random()
    return last
  }
}

extension ClosedRange<Duration> {
  func random() -> Duration {
    lowerBound + (upperBound - lowerBound) * Double.random(in: 0...1)
  }
}
