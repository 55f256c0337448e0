/// Which ranges that differ are looked into next, and how: large ones are cut on the side that has more rows, of small
/// ones the rows are listed.
package struct Narrowing: Sendable {
  package enum Step: Hashable, Sendable {
    /// Cut these on the origin's side, and digest the parts on the other.
    case cut([KeySpan], origin: Origin, partRows: Int)
    /// Digest each row on both sides.
    case list([KeySpan])
  }

  /// A range of so many rows is cheaper to list than to cut: a listed row is as many bytes as half a part.
  package static let listedRows = 32
  package static let partsPerCut = 16
  /// Ranges of one step, so that its request stays small.
  static let mostRanges = 256

  /// Where a range came from, and how often the other side had turned out to have more rows in a part of a range that
  /// one side was cut for. Under one order of keys that happens only where rows come meanwhile.
  package struct Origin: Hashable, Sendable {
    package var side: ComparedSide
    var turns = 0

    package init(side: ComparedSide) { self.side = side }
  }

  private struct Piece {
    let range: KeySpan
    let rows: Int
    let origin: Origin

    /// A power of two, so that ranges of like sizes share a request.
    var partRows: Int {
      let wanted = max(4, (rows + partsPerCut - 1) / partsPerCut)
      return 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    }
  }

  /// So many rows of the one side may be listed beside few of the other.
  package static let mostListed = 1_024
  static let mostTurns = 3

  private var small: [(range: KeySpan, rows: Int)] = []
  private var large: [Piece] = []
  /// The two sides cannot have one order of keys: no range is found in which they can be compared.
  package private(set) var ordersDiffer = false

  /// A range of so many rows is listed at once.
  private let mostAtOnce: Int

  /// - Parameter isDense: most ranges differ, so that cutting them would find most of their parts differing as well.
  package init(isDense: Bool = false) {
    mostAtOnce = isDense ? TableComparison.partRows : Self.listedRows
  }

  package var isEmpty: Bool { small.isEmpty && large.isEmpty }

  /// This range differs.
  /// - Parameter origin: of the range that this one is a part of.
  package mutating func add(
    _ range: KeySpan, source: Int, target: Int, origin: Origin? = nil
  ) {
    let larger: ComparedSide = source >= target ? .source : .target
    let most = max(source, target)
    var origin = origin ?? Origin(side: larger)
    let cutRows = origin.side == .source ? source : target
    if cutRows <= mostAtOnce, most <= Self.mostListed {
      small.append((range, most))
      return
    }
    if cutRows <= mostAtOnce {
      origin = turned(origin)
      if ordersDiffer { return }
    }
    let rows = origin.side == .source ? source : target
    large.append(Piece(range: range, rows: max(rows, mostAtOnce + 1), origin: origin))
  }

  /// What cutting left of a range: nobody knows whether it differs.
  package mutating func addRest(_ range: KeySpan, rows: Int, origin: Origin) {
    large.append(Piece(range: range, rows: max(rows, mostAtOnce + 1), origin: origin))
  }

  /// A range that was to be listed has more rows there than were thought.
  package mutating func addGrown(_ range: KeySpan, at side: ComparedSide) {
    let origin = turned(Origin(side: side.other))
    large.append(Piece(range: range, rows: Self.mostListed, origin: origin))
  }

  private mutating func turned(_ origin: Origin) -> Origin {
    if origin.turns >= Self.mostTurns { ordersDiffer = true }
    var turned = Origin(side: origin.side.other)
    turned.turns = origin.turns + 1
    return turned
  }

  /// nil once nothing is left.
  ///
  /// Whatever can share a request does: what differs is often many small ranges far from each other, and the time of a
  /// round trip is that of thousands of rows.
  /// - Parameter rows: that a step should not go much beyond.
  package mutating func next(rows: Int) -> Step? {
    let most = min(rows, Self.mostListedTogether)
    guard let last = large.last, small.count < Self.mostRanges, smallRows < most else {
      return small.isEmpty ? nil : .list(takeSmall(rows: most))
    }
    var ranges: [KeySpan] = []
    var total = 0
    var others: [Piece] = []
    for piece in large.reversed() {
      if piece.origin == last.origin, piece.partRows == last.partRows,
        ranges.count < Self.mostRanges, ranges.isEmpty || total + piece.rows <= rows
      {
        ranges.append(piece.range)
        total += piece.rows
      } else {
        others.append(piece)
      }
    }
    large = others.reversed()
    return .cut(ranges, origin: last.origin, partRows: last.partRows)
  }

  private static let mostListedTogether = 4_096

  private var smallRows: Int { small.reduce(0) { $0 + $1.rows } }

  private mutating func takeSmall(rows: Int) -> [KeySpan] {
    var ranges: [KeySpan] = []
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
