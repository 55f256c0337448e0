package import JSON

/// A checkpoint before which nothing can appear any more: the pass that set it read everything from there on after
/// `sync_horizon()` had told that all transactions older than it had ended.
///
/// It names the checkpoint that it is said of, so that it means nothing once that has moved by other means.
package struct HeldCheckpoint: Hashable, Sendable {
  package let checkpoint: JSONToken
  /// Nor can anything appear at the checkpoint itself: passes may begin behind it, however many rows share its value.
  package let isPassed: Bool

  package init(checkpoint: JSONToken, isPassed: Bool) {
    self.checkpoint = checkpoint
    self.isPassed = isPassed
  }

  /// For a pass that has come to its end.
  /// - Parameter horizon: as the pass took it before its first page.
  /// - Returns: nil for kinds of fields that cannot be held against a moment.
  package init?(checkpoint: JSONToken, _ field: IncrementalField, horizon: Int64) {
    guard field.kind == .timestampWithTimeZone else { return nil }
    var isPassed = false
    if case .at(let time)? = field.position(of: checkpoint) {
      // A coarse stamp may be one that is given to whole batches of rows, one after the other.
      isPassed = StampPrecision(of: time) == .microseconds && time < horizon
    }
    self.init(checkpoint: checkpoint, isPassed: isPassed)
  }
}
