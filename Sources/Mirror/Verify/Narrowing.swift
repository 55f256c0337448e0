/// Which ranges that differ are looked into next, and how: large ones are cut on the side that has more rows, of small
/// ones the rows are listed.
package struct Narrowing: Sendable {
  package enum Step: Hashable, Sendable {
    /// Cut these on one side, and digest the parts on the other.
    case cut([KeyRange], at: ComparedSide, partRows: Int)
    /// Digest each row on both sides.
    case list([KeyRange])
  }

  /// A range of so many rows is cheaper to list than to cut: a listed row is as many bytes as half a part.
  package static let listedRows = 32
  package static let partsPerCut = 16
  /// Ranges of one step, so that its request stays small.
  static let mostRanges = 256

  private struct Piece {
    let range: KeyRange
    let rows: Int
    let side: ComparedSide

    /// A power of two, so that ranges of like sizes share a request.
    var partRows: Int {
      let wanted = max(4, (rows + partsPerCut - 1) / partsPerCut)
      return 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    }
  }

  private var small: [(range: KeyRange, rows: Int)] = []
  private var large: [Piece] = []

  package init() {}

  package var isEmpty: Bool { small.isEmpty && large.isEmpty }

  /// This range differs.
  package mutating func add(_ range: KeyRange, source: Int, target: Int) {
    let rows = max(source, target)
    if rows <= Self.listedRows {
      small.append((range, rows))
    } else {
      large.append(Piece(range: range, rows: rows, side: source >= target ? .source : .target))
    }
  }

  /// What a step left of a range: nobody knows whether it differs, but that this side has more rows there.
  package mutating func addRest(_ range: KeyRange, at side: ComparedSide, rows: Int) {
    large.append(Piece(range: range, rows: max(rows, Self.listedRows + 1), side: side))
  }

  /// nil once nothing is left.
  /// - Parameter rows: that a step should not go much beyond.
  package mutating func next(rows: Int) -> Step? {
    if !small.isEmpty { return .list(takeSmall(rows: min(rows, 4_096))) }
    guard let first = large.popLast() else { return nil }
    var ranges = [first.range]
    var total = first.rows
    while let piece = large.last, piece.side == first.side, piece.partRows == first.partRows,
      ranges.count < Self.mostRanges, total + piece.rows <= rows
    {
      large.removeLast()
      ranges.append(piece.range)
      total += piece.rows
    }
    return .cut(ranges, at: first.side, partRows: first.partRows)
  }

  private mutating func takeSmall(rows: Int) -> [KeyRange] {
    var ranges: [KeyRange] = []
    var total = 0
    while let piece = small.last, ranges.isEmpty || total + piece.rows <= rows,
      ranges.count < Self.mostRanges
    {
      small.removeLast()
      ranges.append(piece.range)
      total += piece.rows
    }
    return ranges
  }
}
