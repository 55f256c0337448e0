import Supabase

/// Shares the lanes of backfills among the tables of one mirror.
actor BackfillLoad {
  private var throttle = Throttle(most: 1)
  private var claims: [TableName: Int] = [:]
  private let elapsed: @Sendable () -> Duration

  init(_ clock: any Clock<Duration> = ContinuousClock()) { elapsed = stopwatch(clock) }

  /// How many key ranges of a table may be copied at once, at least one, until it asks again; and by what its pages
  /// are to be smaller.
  /// - Parameters:
  ///   - wanted: it could use.
  ///   - most: of all tables.
  func claim(_ table: TableName, wanted: Int, most: Int) -> (lanes: Int, divisor: Int) {
    if throttle.most != max(1, most) { throttle = Throttle(most: most) }
    let others = claims.reduce(0) { $0 + ($1.key == table ? 0 : $1.value) }
    let lanes = max(1, min(wanted, throttle.lanes - others))
    claims[table] = lanes
    return (lanes, throttle.divisor)
  }

  func leave(_ table: TableName) { claims[table] = nil }

  var lanes: Int { throttle.lanes }

  /// - Returns: the lanes that there are from now on; nil where that has not changed.
  func note(isSlow: Bool) -> Int? {
    throttle.note(isSlow: isSlow, at: elapsed()) ? throttle.lanes : nil
  }
}
