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
  private(set) var cases: [CopyCase]

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
    let rows = settings.rows ?? 1_000_000
    self = settings.isFull ? .full(rows, settings) : .usual(rows, settings)
    if let shapes = settings.shapes { cases.removeAll { !shapes.contains($0.shape) } }
    if let latencies = settings.latencies { cases.removeAll { !latencies.contains($0.latency) } }
  }

  private static let latencies = [0, 20, 80]

  /// What takes some minutes.
  private static func usual(_ rows: Int, _ settings: BenchSettings) -> CopyPlan {
    CopyPlan(
      cases(.usual, 10_000, [20])
        + cases(.usual, rows, latencies, repeats: settings.repeats ?? 3)
        + cases(.narrow, min(rows, 20_000), [0, 20])
        + cases(.wide, min(rows, 20_000), [0, 20]))
  }

  private static func full(_ rows: Int, _ settings: BenchSettings) -> CopyPlan {
    let sizes = [10_000, 100_000, rows]
    return CopyPlan(
      sizes.flatMap { cases(.usual, $0, latencies, repeats: settings.repeats ?? 3) }
        + sizes.flatMap { cases(.narrow, $0, latencies) }
        + sizes.filter { $0 <= 100_000 }.flatMap { cases(.wide, $0, latencies) })
  }

  /// Whether the time of a row stays what it is.
  static let tenMillion = CopyPlan(
    [100_000, 1_000_000, 10_000_000].flatMap { cases(.usual, $0, [0, 20]) })
}
