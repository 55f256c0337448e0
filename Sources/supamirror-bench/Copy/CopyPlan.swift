/// One table to copy, over one way.
struct CopyCase: Hashable {
  var shape: RowShape
  var rows: Int
  /// Milliseconds of a round trip.
  var latency: Int
  var repeats = 1
  /// So many rows are enough to know how fast the naive worker is.
  var naiveRows: Int
}

/// What is copied.
struct CopyPlan {
  /// Cases of one table stand together: its rows are made once.
  let cases: [CopyCase]

  /// - Parameter naive: rows that the naive worker copies, by the round trip.
  private static func cases(
    _ shape: RowShape, _ rows: Int, _ latencies: [Int], repeats: Int = 1
  ) -> [CopyCase] {
    latencies.map { latency in
      let naive = latency >= 80 ? 10_000 : latency > 0 ? 20_000 : 50_000
      return CopyCase(
        shape: shape, rows: rows, latency: latency, repeats: repeats,
        naiveRows: min(rows, shape == .wide ? naive / 5 : naive))
    }
  }

  private init(_ cases: [CopyCase]) { self.cases = cases }

  init(_ settings: BenchSettings) {
    let repeats = settings.repeats ?? 3
    let all = [0, 20, 80]
    guard settings.isFull else {
      let rows = settings.rows ?? 500_000
      cases =
        Self.cases(.usual, 10_000, [20])
        + Self.cases(.usual, rows, all, repeats: repeats)
        + Self.cases(.narrow, min(rows, 20_000), [0, 20])
        + Self.cases(.wide, min(rows, 20_000), [0, 20])
      return
    }
    let sizes = [10_000, 100_000, settings.rows ?? 1_000_000]
    cases =
      sizes.flatMap { Self.cases(.usual, $0, all, repeats: repeats) }
      + sizes.flatMap { Self.cases(.narrow, $0, all) }
      + sizes.filter { $0 <= 100_000 }.flatMap { Self.cases(.wide, $0, all) }
  }

  /// Whether the time of a row stays what it is.
  static let tenMillion = CopyPlan(
    [100_000, 1_000_000, 10_000_000].flatMap { cases(.usual, $0, [0, 20]) })
}
