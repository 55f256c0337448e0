/// How far apart the stamps of a clock seem to be, judged by one of them. Two changes of a row within one step of a
/// coarse clock get the same stamp, so there a stamp does not tell which of them it is.
package enum StampPrecision: Hashable, Sendable {
  /// PostgreSQL's `now()`; one stamp in a thousand looks coarser than it is.
  case microseconds
  case milliseconds
  case seconds
  case minutes
  /// Whole quarters of an hour: in some time zone the start of an hour, a day, a month.
  case days

  /// - Parameter stamp: microseconds since 2000-01-01.
  package init(of stamp: Int64) {
    if stamp % 1_000 != 0 {
      self = .microseconds
    } else if stamp % 1_000_000 != 0 {
      self = .milliseconds
    } else if stamp % 60_000_000 != 0 {
      self = .seconds
    } else if stamp % 900_000_000 != 0 {
      self = .minutes
    } else {
      self = .days
    }
  }

  /// Whether a transaction that began at the horizon, or later, cannot have this stamp by the clock.
  package func isOver(for stamp: Int64, at horizon: Int64) -> Bool {
    let (end, overflow) = stamp.addingReportingOverflow(span)
    return !overflow && end < horizon
  }

  /// Longer than a clock of this kind shows one time.
  private var span: Int64 {
    switch self {
    case .microseconds: 0
    case .milliseconds: 1_000_000
    case .seconds: 60_000_000
    case .minutes: 3_600_000_000
    case .days: 40 * TimeText.microsecondsADay
    }
  }
}
