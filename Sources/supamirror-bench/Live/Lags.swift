/// How long changes took, in milliseconds, sorted.
struct Lags {
  private let sorted: [Double]

  init(_ rows: [[String?]]) {
    sorted = rows.compactMap { $0[0].flatMap { Double($0) } }.sorted()
  }

  static let query =
    "select extract(epoch from lag) * 1000 from arrivals where lag < interval '1 hour'"

  var count: Int { sorted.count }
  var highest: Double { sorted.last ?? 0 }

  func percentile(_ share: Double) -> Double {
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }

  /// A line for every stretch of time that has any.
  var histogram: [String] {
    let edges: [Double] = [5, 10, 20, 50, 100, 200, 300, 400, 500, 600, 800, 1_000, 2_000, 5_000]
    var lines: [String] = []
    var from = 0.0
    for edge in edges + [.infinity] {
      let count = sorted.count { $0 >= from && $0 < edge }
      if count > 0 {
        let bar = String(repeating: "#", count: max(1, count * 50 / max(1, sorted.count)))
        let range = edge.isInfinite ? "over \(Int(from)) ms" : "\(Int(from))–\(Int(edge)) ms"
        lines.append(
          "    \(range.padded(to: 16, atStart: true)) \("\(count)".padded(to: 7, atStart: true)) \(bar)"
        )
      }
      from = edge
    }
    return lines
  }
}
