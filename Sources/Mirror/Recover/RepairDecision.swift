package import JSON
import Supabase

/// What becomes of a row that both sides have, as they are when it is repaired.
package enum RepairDecision: Hashable, Sendable {
  /// The target gets the source's.
  case overwrite
  case equal
  /// The target's is newer by the incremental field: it stays.
  case newerOnTarget

  /// - Parameters:
  ///   - isEqual: every value is the same.
  ///   - source: the incremental field's value, as `target`.
  ///   - seen: what the target had when the source's row was chosen over it, newer or not; nil: nobody chose.
  package init(
    isEqual: Bool, source: JSONToken, target: JSONToken, seen: JSONToken? = nil,
    _ field: IncrementalField
  ) {
    if isEqual {
      self = .equal
    } else if target != seen, let left = field.position(of: source),
      let right = field.position(of: target), right > left
    {
      self = .newerOnTarget
    } else {
      self = .overwrite
    }
  }
}
