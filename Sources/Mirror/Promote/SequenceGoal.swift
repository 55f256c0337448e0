package import Supabase

/// How far one of the target's sequences has to be before rows are written there, and why.
package struct SequenceGoal: Hashable, Sendable {
  package let user: NumberedColumn
  package let name: TableName
  /// The last number that it has given out so far.
  package let given: Int128?
  /// The same of the source's; nil where that is not known.
  package let sourceGiven: Int128?
  /// The furthest value in the column on the target; nil where there is none, or it is no plain number.
  package let furthestKey: Int128?
  /// What it has to have given out at least.
  package let value: Int128
  package let isDescending: Bool
  /// Sessions take numbers ahead, and keep them.
  package let isCached: Bool
  /// What a person should know.
  package let note: String?
  /// Why inserts could fail or collide all the same.
  package let problem: String?

  /// More than a busy project hands out in the seconds of a switch, and nothing in a bigint.
  package static let headroom = 1_000

  /// - Parameters:
  ///   - sources: the source's sequences of the same column; empty where it does not answer.
  ///   - headroom: numbers that stay free for rows of the source that have not arrived: of transactions that were
  ///     open, of sessions that had taken numbers ahead, of rows that are brought over by hand later.
  package init(
    _ target: SequenceState, sources: [SequenceState], furthestKey: Int128?, headroom: Int
  ) {
    user = target.user
    name = target.name
    given = target.given
    self.furthestKey = furthestKey
    let isDescending = target.isDescending
    self.isDescending = isDescending
    isCached = target.cache > 1
    func furthest(_ numbers: [Int128]) -> Int128? { isDescending ? numbers.min() : numbers.max() }
    sourceGiven = furthest(sources.compactMap(\.given))
    let end = Int128(isDescending ? target.minimum : target.maximum)
    let wanted = Int128(headroom) * Int128(target.increment.magnitude)
    func room(after start: Int128) -> Int128 { isDescending ? start - end : end - start }
    // Without the source the target's own count is what passes carried last.
    let counted = sourceGiven ?? target.given
    var start = furthest([counted, furthestKey].compactMap { $0 }) ?? Int128(target.start)
    var note: String?
    // A row with a key at the very end, put there by hand: going on behind it would be the end of all inserts.
    if let counted, let furthestKey, start == furthestKey, room(after: start) < wanted,
      room(after: counted) >= wanted
    {
      start = counted
      note = "the row with \(furthestKey) stands where the sequence ends, and is not minded"
    }
    self.note = note
    let room = room(after: start)
    // Never more than half of what is left, or the head-room itself would use it up.
    let step = min(wanted, max(0, room) / 2)
    value = isDescending ? start - step : start + step
    problem =
      if room < 0 {
        "it must go beyond \(start), but ends at \(end): give the target's sequence the source's "
          + "type and limits"
      } else if room == 0, !target.cycles {
        "it has given out its last number, \(end): the next insert fails, there as at the source"
      } else if target.given == nil {
        "the owner of the target's sync_sequences() may not read it; grant select and update on it "
          + "to that role"
      } else {
        nil
      }
  }

  /// Whether the target's sequence has to be raised.
  package var isBehind: Bool {
    guard let given else { return true }
    return isDescending ? given > value : given < value
  }
}
