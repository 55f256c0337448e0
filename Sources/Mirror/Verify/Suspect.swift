/// A key whose rows were not equal when they were looked at. It counts as a fault only where they stay so: the same at the
/// source, something else on the target, at every look until the mirror had its time.
package struct Suspect: Hashable, Sendable {
  /// What a running mirror did since a time.
  package enum MirrorPass: Hashable, Sendable {
    /// No mirror runs here: nothing is to be waited for.
    case none
    case awaited
    /// A pass that began later has ended.
    case ended
  }

  package enum Verdict: Hashable, Sendable {
    case again
    /// Both sides are equal now.
    case equal
    case fault
    /// The source's row changed between all looks.
    case unsettled
  }

  /// Looks at which both sides were as at the look before, and different.
  static let looks = 3
  /// Looks until one gives up waiting for the source to stand still.
  static let mostLooks = 20
  /// How long a running mirror is waited for.
  static let patience = Duration.seconds(150)

  private var source: RangeDigest?
  private var stableLooks = 0
  private var allLooks = 0
  /// When the source's row was first seen as it is.
  private var since: Duration = .zero
  /// The same, by the wall clock.
  private var sinceTime: Int64 = 0
  /// When it is to be looked at.
  package private(set) var due: Duration

  /// What is seen first counts.
  private let isJudgedAtOnce: Bool

  package init(at time: Duration, settles: Bool = true) {
    isJudgedAtOnce = !settles
    due = settles ? time + Self.wait(after: 0) : time
  }

  private static func wait(after looks: Int) -> Duration {
    .seconds(1 << min(looks, 3))
  }

  /// - Parameters:
  ///   - time: the stopwatch's.
  ///   - now: microseconds since 2000-01-01.
  ///   - pass: of the mirror since a time of the wall clock.
  package mutating func look(
    source: RangeDigest, target: RangeDigest, at time: Duration, now: Int64,
    pass: (Int64) -> MirrorPass
  ) -> Verdict {
    if source == target { return .equal }
    if isJudgedAtOnce { return .fault }
    allLooks += 1
    if source == self.source {
      stableLooks += 1
    } else {
      self.source = source
      stableLooks = 1
      since = time
      sinceTime = now
    }
    due = time + Self.wait(after: stableLooks)
    if stableLooks >= Self.looks {
      switch pass(sinceTime) {
      case .none, .ended: return .fault
      case .awaited: return time - since >= Self.patience ? .fault : .again
      }
    }
    return allLooks >= Self.mostLooks ? .unsettled : .again
  }
}
