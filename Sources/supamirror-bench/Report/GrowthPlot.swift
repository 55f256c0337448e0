/// A drawing of how the time of a row goes with the size of the table, a line a contender, both axes logarithmic.
/// Readable on light and dark pages.
struct GrowthPlot {
  private struct Point {
    let rows: Double
    /// Microseconds of a row.
    let time: Double
  }

  private struct Line {
    let name: String
    let points: [Point]
  }

  private let lines: [Line]
  private let latency: Int

  /// nil where no table was copied in two sizes.
  init?(_ results: [CopyResult]) {
    let usual = results.filter { $0.aCase.shape == .usual && $0.contender != .nothing }
    let latencies = Set(usual.map(\.aCase.latency)).filter { latency in
      Set(usual.filter { $0.aCase.latency == latency }.map(\.aCase.rows)).count > 1
    }
    // Far projects are the usual ones.
    guard let latency = latencies.contains(20) ? 20 : latencies.max() else { return nil }
    self.latency = latency
    self.lines = CopyContender.allCases.compactMap { contender -> Line? in
      let own = usual.filter { $0.contender == contender && $0.aCase.latency == latency }
      let points = own.map { result -> Point in
        let rows = Double(result.aCase.rows)
        return Point(rows: rows, time: result.median / rows * 1_000_000)
      }
      if points.isEmpty { return nil }
      return Line(name: contender.rawValue, points: points.sorted { $0.rows < $1.rows })
    }
  }

  private static let (width, height) = (640.0, 360.0)
  private static let (left, right, top, bottom) = (64.0, 150.0, 36.0, 48.0)
  private static let colours = [
    "#0072b2", "#56b4e9", "#d55e00", "#cc79a7", "#009e73", "#b8860b",
  ]

  /// The powers of ten around the values.
  private static func decades(_ values: [Double]) -> ClosedRange<Int> {
    let low = values.min().map { decade(below: $0) } ?? 0
    let high = values.max().map { decade(above: $0) } ?? 1
    return low...max(high, low + 1)
  }

  private static func decade(below value: Double) -> Int {
    var decade = -6
    while power(decade + 1) <= value * 1.000_001 { decade += 1 }
    return decade
  }

  private static func decade(above value: Double) -> Int {
    let below = decade(below: value)
    return power(below) >= value * 0.999_999 ? below : below + 1
  }

  private static func power(_ exponent: Int) -> Double {
    (0..<abs(exponent)).reduce(1) { value, _ in exponent < 0 ? value / 10 : value * 10 }
  }

  /// Where a value stands among decades, from 0 to 1.
  private static func share(_ value: Double, _ decades: ClosedRange<Int>) -> Double {
    let low = decade(below: value)
    // Within a decade: the logarithm by halving.
    var (rest, place, step) = (value / power(low), Double(low), 0.5)
    for _ in 0..<24 {
      rest *= rest
      if rest >= 10 {
        rest /= 10
        place += step
      }
      step /= 2
    }
    return (place - Double(decades.lowerBound)) / Double(decades.count - 1)
  }

  var svg: String {
    let rows = Self.decades(lines.flatMap { $0.points.map(\.rows) })
    let times = Self.decades(lines.flatMap { $0.points.map(\.time) })
    let (plotWidth, plotHeight) = (
      Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom
    )
    func x(_ value: Double) -> Double { Self.left + Self.share(value, rows) * plotWidth }
    func y(_ value: Double) -> Double {
      Self.height - Self.bottom - Self.share(value, times) * plotHeight
    }
    func text(_ x: Double, _ y: Double, _ anchor: String, _ words: String, _ more: String = "")
      -> String
    {
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\"\(more)>\(words)</text>\n"
    }
    func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
      "<line class=\"grid\" x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\"/>\n"
    }
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" role="img" \
      aria-label="microseconds a row over the rows of the table">
      <style>
        text { font: 12px sans-serif; fill: #24292f }
        .grid { stroke: #8c959f; stroke-opacity: .35 }
        .line { fill: none; stroke-width: 2 }
        @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
      </style>

      """
    svg += text(
      Self.left, 18, "start", "usual rows, round trips of \(latency) ms", " font-weight=\"bold\"")
    for decade in rows {
      let place = x(Self.power(decade))
      svg += line(place, Self.top, place, Self.height - Self.bottom)
      svg += text(
        place, Self.height - Self.bottom + 18, "middle",
        BenchReport.grouped(Int(Self.power(decade))))
    }
    for decade in times {
      let place = y(Self.power(decade))
      svg += line(Self.left, place, Self.width - Self.right, place)
      let value = Self.power(decade)
      svg += text(
        Self.left - 8, place + 4, "end", BenchReport.text(value, digits: value < 1 ? 2 : 0))
    }
    svg += text(Self.left + plotWidth / 2, Self.height - 8, "middle", "rows of the table")
    svg += text(
      0, 0, "middle", "µs a row",
      " transform=\"translate(16 \(Self.number(Self.top + plotHeight / 2))) rotate(-90)\"")
    var labels = lines.indices.map { index in
      (index: index, y: lines[index].points.last.map { y($0.time) } ?? 0)
    }.sorted { $0.y < $1.y }
    // One under the other where lines end close together.
    for place in labels.indices.dropFirst() {
      labels[place].y = max(labels[place].y, labels[place - 1].y + 14)
    }
    for (index, labelY) in labels {
      let (name, points) = (lines[index].name, lines[index].points)
      let colour = Self.colours[index % Self.colours.count]
      let path = points.map { "\(Self.number(x($0.rows))),\(Self.number(y($0.time)))" }
      svg +=
        "<polyline class=\"line\" stroke=\"\(colour)\" points=\"\(path.joined(separator: " "))\"/>\n"
      for point in points {
        svg +=
          "<circle cx=\"\(Self.number(x(point.rows)))\" cy=\"\(Self.number(y(point.time)))\" r=\"3\" fill=\"\(colour)\"/>\n"
      }
      let end = x(points.last?.rows ?? 0)
      svg += text(end + 8, labelY + 4, "start", name, " style=\"fill: \(colour)\"")
    }
    return svg + "</svg>\n"
  }

  private static func number(_ value: Double) -> String { BenchReport.text(value, digits: 1) }
}
