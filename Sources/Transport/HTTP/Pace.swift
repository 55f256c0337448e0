/// When the next request may begin: so many at once, and on average so many bytes of bodies a second.
///
/// The rate is kept by a credit that grows with time up to a second's worth. How long an answer will be is known only
/// when it is there, so a request takes what answers have had lately, and the rest is settled at its end; where that
/// leaves a debt, the next ones wait until it is paid.
package struct Pace: Sendable {
  package let most: Int
  package let bytesPerSecond: Int?
  package private(set) var underWay = 0
  private var credit: Double
  /// Of the last look at the credit.
  private var time = Duration.zero
  private var expectedAnswer = 0.0

  /// - Parameter bytesPerSecond: nil: as fast as it goes.
  package init(most: Int, bytesPerSecond: Int? = nil) {
    precondition(most > 0 && bytesPerSecond ?? 1 > 0)
    self.most = most
    self.bytesPerSecond = bytesPerSecond
    credit = Double(bytesPerSecond ?? 0)
  }

  package enum Step: Hashable, Sendable {
    /// It is under way from now on; `reserved` is to be given back by `end`.
    case begin(reserved: Double)
    /// Others have to end first.
    case wait
    /// No earlier than after this time.
    case pause(Duration)
  }

  /// For the request that has waited longest.
  ///
  /// - Parameters:
  ///   - bytes: of its own body.
  ///   - now: since the pace began; never less than before.
  package mutating func next(bytes: Int, at now: Duration) -> Step {
    guard underWay < most else { return .wait }
    guard let bytesPerSecond else {
      underWay += 1
      return .begin(reserved: 0)
    }
    let rate = Double(bytesPerSecond)
    accrue(rate, now)
    let need = Double(bytes) + expectedAnswer
    // One that is larger than a second's worth waits for all of it, and leaves a debt.
    let missing = min(need, rate) - credit
    // Less than a byte is nothing but rounding.
    guard missing < 1 else { return .pause(.milliseconds(1) + .seconds(missing / rate)) }
    credit -= need
    underWay += 1
    return .begin(reserved: need)
  }

  /// - Parameters:
  ///   - reserved: what `next` said.
  ///   - bytes: of the request's body.
  ///   - answer: of the answer's; nil where there was none.
  package mutating func end(reserved: Double, bytes: Int, answer: Int?, at now: Duration) {
    underWay -= 1
    guard let bytesPerSecond else { return }
    accrue(Double(bytesPerSecond), now)
    credit = min(Double(bytesPerSecond), credit + reserved - Double(bytes + (answer ?? 0)))
    // Small answers between large ones do not make the next large one come too early.
    if let answer { expectedAnswer = max(Double(answer), expectedAnswer * 0.875) }
  }

  private mutating func accrue(_ rate: Double, _ now: Duration) {
    guard now > time else { return }
    credit = min(rate, credit + (now - time) / .seconds(1) * rate)
    time = now
  }
}
