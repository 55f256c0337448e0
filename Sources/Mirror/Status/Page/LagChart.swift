/// The last hour's lags as a line over time, inline SVG. The scale is logarithmic, so that a tenth of a second and
/// ten minutes are both told apart, and it does not jump when a peak comes or goes.
struct LagChart {
  private let status: MirrorStatus
  private let samples: [LagSample]
  private let top: Double

  static let hour: Int64 = 3_600_000_000
  private static let width = 1_000.0
  private static let height = 150.0
  /// In milliseconds; a line and a label each.
  private static let marks: [(milliseconds: Double, label: String)] = [
    (100, "0.1 s"), (1_000, "1 s"), (10_000, "10 s"), (60_000, "1 min"), (600_000, "10 min"),
    (3_600_000, "1 h"), (36_000_000, "10 h"),
  ]

  init(_ status: MirrorStatus) {
    self.status = status
    samples = status.lags.filter {
      $0.time <= status.takenAt && $0.time > status.takenAt - Self.hour
    }
    let most = max(
      Self.milliseconds(status.lagLimit), samples.map { Self.milliseconds($0.lag) }.max() ?? 0)
    // So much more that the topmost line stands clear of the edge.
    top = most * 1.8
  }

  var html: String {
    guard !samples.isEmpty else {
      let reason =
        status.feed.state == .off
        ? "The lag is measured by the feed, which is off." : "No marker row has arrived yet."
      return "<p class=\"none\">\(reason)</p>"
    }
    return """
      <figure>
      <div class="plot">
      <svg class="axis" viewBox="0 0 52 \(Self.text(Self.height))" width="52" height="\(Self.text(Self.height))" aria-hidden="true">\(labels)</svg>
      <svg class="chart" role="img" aria-label="\(HTMLText.escaped(summary))" viewBox="0 0 \(Self.text(Self.width)) \(Self.text(Self.height))" preserveAspectRatio="none">
      \(gaps)\(grid)\(lines)
      </svg>
      </div>
      <div class="hours" aria-hidden="true"><span>1 h ago</span><span>45 min</span><span>30 min</span><span>15 min</span><span>now</span></div>
      <figcaption>\(HTMLText.escaped(summary))</figcaption>
      </figure>
      """
  }

  /// The chart in words.
  var summary: String {
    let sorted = samples.map(\.lag).sorted()
    guard let least = sorted.first, let most = sorted.last else { return "" }
    let middle = SpokenTime.duration(sorted[sorted.count / 2])
    var text =
      "Lag in the last hour: median \(middle), from \(SpokenTime.duration(least)) to \(SpokenTime.duration(most)), \(ReportText.grouped(sorted.count)) measured."
    if !pauses.isEmpty {
      let total = pauses.reduce(Duration.zero) { $0 + .microseconds($1.upperBound - $1.lowerBound) }
      text += " Nothing arrived for \(SpokenTime.duration(total)) of it (shaded)."
    }
    return text
  }

  /// Where more time than two marker rows need passed without one.
  private var pauses: [Range<Int64>] {
    let ends = samples.map(\.time) + [status.takenAt]
    let longest = Int64(status.quiet / .microseconds(1)) * 3 / 2
    return zip(ends, ends.dropFirst()).compactMap { start, end in
      end - start > longest ? start..<end : nil
    }
  }

  private var gaps: String {
    pauses.map { pause in
      let start = x(pause.lowerBound)
      let width = max(2, x(pause.upperBound) - start)
      return
        "<rect class=\"pause\" x=\"\(Self.text(start))\" y=\"0\" width=\"\(Self.text(width))\" height=\"\(Self.text(Self.height))\"/>"
    }.joined()
  }

  private var grid: String {
    let limit = Self.milliseconds(status.lagLimit)
    let marks = Self.marks.filter { $0.milliseconds <= top && $0.milliseconds != limit }
    return marks.map { line("grid", y($0.milliseconds)) }.joined() + line("limit", y(limit))
  }

  private func line(_ kind: String, _ y: Double) -> String {
    "<line class=\"\(kind)\" x1=\"0\" x2=\"\(Self.text(Self.width))\" y1=\"\(Self.text(y))\" y2=\"\(Self.text(y))\"/>"
  }

  private var labels: String {
    Self.marks.filter { $0.milliseconds <= top }.map { mark in
      let y = min(max(y(mark.milliseconds) + 4, 10), Self.height - 1)
      return "<text x=\"46\" y=\"\(Self.text(y))\" text-anchor=\"end\">\(mark.label)</text>"
    }.joined()
  }

  /// One line for each run of samples without a pause.
  private var lines: String {
    var runs: [[LagSample]] = [[]]
    let starts = Set(pauses.map(\.lowerBound))
    for sample in samples {
      runs[runs.count - 1].append(sample)
      if starts.contains(sample.time) { runs.append([]) }
    }
    return runs.filter { !$0.isEmpty }.map { run in
      let points = run.map { sample in
        "\(Self.text(x(sample.time))),\(Self.text(y(Self.milliseconds(sample.lag))))"
      }
      // A single one is a line of no length, which round ends make a dot.
      return
        "<polyline class=\"lag\" points=\"\((points.count == 1 ? points + points : points).joined(separator: " "))\"/>"
    }.joined()
  }

  private func x(_ time: Int64) -> Double {
    Self.width * Double(time - (status.takenAt - Self.hour)) / Double(Self.hour)
  }

  private func y(_ milliseconds: Double) -> Double {
    let least = 50.0
    let share = Self.log2(max(least, milliseconds) / least) / Self.log2(top / least)
    return (Self.height - 4) * (1 - min(1, share)) + 2
  }

  private static func milliseconds(_ duration: Duration) -> Double { duration / .milliseconds(1) }

  /// The binary logarithm of a number from 1, by squaring: this library has no C in it.
  private static func log2(_ number: Double) -> Double {
    var rest = number.significand
    var result = Double(number.exponent)
    var bit = 0.5
    for _ in 0..<16 {
      rest *= rest
      if rest >= 2 {
        result += bit
        rest /= 2
      }
      bit /= 2
    }
    return result
  }

  /// To a tenth.
  private static func text(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0
      ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }
}
