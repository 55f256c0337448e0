/// The name that a mistyped one was probably meant to be.
enum NearestName {
  /// `, did you mean …?`, or nothing where no name is near.
  static func suggestion(for name: String, among known: some Sequence<String>) -> String {
    find(name, among: known).map { "; did you mean \($0)?" } ?? ""
  }

  /// The nearest of the known names where at most a third of the letters differ, without regard to case.
  static func find(_ name: String, among known: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased())
    // A name that is no name at all is not worth the work.
    guard (1...100).contains(wanted.count) else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in known {
      let distance = distance(wanted, Array(candidate.lowercased()))
      guard distance <= max(1, min(wanted.count, candidate.count) / 3) else { continue }
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// Letters to insert, drop, replace or swap with their neighbour.
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var least = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          least = min(least, beforeLast[j - 1] + 1)
        }
        row.append(least)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
