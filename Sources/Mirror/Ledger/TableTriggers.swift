/// On which sides a table has triggers of the migration; nil: that could not be seen.
///
/// They go with their table, so one that has lost them was made anew since, and may be another one.
struct TableTriggers: Hashable, Sendable {
  var source: Bool?
  var target: Bool?

  /// What is known when a pass could not see it all.
  func added(to known: Set<String>) -> Set<String> {
    var sides = known
    for (side, isThere) in [("source", source), ("target", target)] {
      if isThere == true { sides.insert(side) }
      if isThere == false { sides.remove(side) }
    }
    return sides
  }

  /// Why a table is to be copied again of which that much was known; nil: it is not.
  func reasonToCopyAgain(since known: Set<String>) -> String? {
    let lost = known.subtracting(added(to: known)).sorted()
    guard !lost.isEmpty else { return nil }
    return
      "it has lost the migration's triggers at the \(lost.joined(separator: " and the ")), as a "
      + "table does that is dropped and made anew"
  }
}
