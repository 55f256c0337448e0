/// Finds the name that was probably meant, by the measure that PostgREST's hints use (`rpc-missing-arg`): names
/// that share a piece of three characters, else of two, ranked by how few edits lead from one to the other.
struct SimilarName {
  private var names: [String]

  init(_ names: [String]) { self.names = names }

  func closest(to wanted: String) -> String? {
    let wanted = wanted.lowercased()
    if let same = names.first(where: { $0.lowercased() == wanted }) { return same }
    for size in [3, 2] {
      let pieces = Self.pieces(wanted, size)
      let ranked = names.compactMap { name -> (name: String, overlap: Double, score: Double)? in
        let lowered = name.lowercased()
        let overlap = Self.overlap(pieces, Self.pieces(lowered, size))
        return overlap > 0 ? (name, overlap, Self.similarity(wanted, lowered)) : nil
      }
      // Only the fifty that share the most are looked at closely.
      let candidates = ranked.sorted { ($0.overlap, $1.name) > ($1.overlap, $0.name) }.prefix(50)
        .filter { $0.score > 0.33 }
      // `max` would take the last of equals.
      if let best = candidates.sorted(by: { ($0.score, $0.overlap) > ($1.score, $1.overlap) }).first
      {
        return best.name
      }
    }
    return nil
  }

  private static func pieces(_ text: String, _ size: Int) -> [Substring: Int] {
    var padded =
      "-" + text.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "," } + "-"
    while padded.count < size { padded += "-" }
    var pieces: [Substring: Int] = [:]
    var start = padded.startIndex
    while let end = padded.index(start, offsetBy: size, limitedBy: padded.endIndex) {
      pieces[padded[start..<end], default: 0] += 1
      start = padded.index(after: start)
    }
    return pieces
  }

  /// The cosine of the two counts.
  private static func overlap(_ one: [Substring: Int], _ other: [Substring: Int]) -> Double {
    func square(_ counts: [Substring: Int]) -> Int { counts.values.reduce(0) { $0 + $1 * $1 } }
    let shared = one.reduce(0) { $0 + $1.value * (other[$1.key] ?? 0) }
    return Double(shared) / (Double(square(one)) * Double(square(other))).squareRoot()
  }

  /// 1 for equal texts, 0 where every character must be changed.
  private static func similarity(_ one: String, _ other: String) -> Double {
    let (one, other) = (Array(one), Array(other))
    guard !one.isEmpty, !other.isEmpty else { return 0 }
    var row = Array(0...other.count)
    for (i, character) in one.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, candidate) in other.enumerated() {
        let edits = min(row[j] + 1, row[j + 1] + 1, diagonal + (character == candidate ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = edits
      }
    }
    return 1 - Double(row[other.count]) / Double(max(one.count, other.count))
  }
}
