/// What the live demo shows at one moment.
struct DemoFrame: Sendable {
  /// A line: pieces of text, each with a style.
  struct Line: Sendable {
    var pieces: [(text: String, style: Style)] = []

    init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

    mutating func add(_ text: String, _ style: Style = .plain) { pieces.append((text, style)) }

    var text: String { pieces.map(\.text).joined() }
  }

  /// Raw values are ANSI's.
  enum Style: String, Sendable {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case good = "32"
    case busy = "33"
    case bad = "31"
  }

  /// Since the daemon began.
  var elapsed = Duration.zero
  var status = DemoStatus()
  var rows = DemoCounts.Rows()
  /// nil before rows begin to change.
  var written: Int?
  /// nil while none are.
  var changesASecond: Int?
  var lag = DemoCounts.MarkerLag()
  /// What has happened so far, and when.
  var stories: [(time: Duration, text: String)] = []
  var hint = ""

  /// To be drawn over the frame before; at most 79 characters wide.
  var lines: [Line] {
    var headline = Line(Self.time(elapsed) + "  ")
    headline.add(self.headline, headlineStyle)
    var lines = [headline, Line("        " + figures), Line(), Line(Self.header, .faint)]
    var sums = (source: 0, target: 0, upserted: 0, deleted: 0)
    for (index, table) in DemoTable.all.enumerated() {
      let part = status.tables["\(table.schema).\(table.name)"] ?? DemoStatus.Table()
      let (source, target) = (at(index, rows.source), at(index, rows.target))
      sums.source += source
      sums.target += target
      sums.upserted += part.upserted
      sums.deleted += part.deleted
      var line = Self.counts(table.spokenName, source, target, part.upserted, part.deleted)
      let lag = part.lag.map { DemoText.seconds($0) + " s" } ?? "-"
      line.add(DemoText.padded(lag, 9, atStart: true) + "  ")
      let feed = status.feed(of: part)
      line.add(feed, feed == "live" ? .good : feed == "refused" ? .bad : .busy)
      lines.append(line)
    }
    lines.append(
      Self.counts("all", sums.source, sums.target, sums.upserted, sums.deleted))
    lines += Self.legend.map { Line($0, .faint) }
    lines.append(Line())
    for problem in status.problems.prefix(2) { lines.append(Line("  " + problem, .bad)) }
    for story in stories.suffix(5) {
      var line = Line(Self.time(story.time) + "  ", .faint)
      line.add(story.text)
      lines.append(line)
    }
    if !hint.isEmpty { lines.append(Line("        " + hint, .faint)) }
    return lines
  }

  /// The same in a line, where lines cannot be drawn over.
  var plain: String {
    let (source, target) = (rows.source.reduce(0, +), rows.target.reduce(0, +))
    return Self.time(elapsed) + "  \(headline); rows \(DemoText.grouped(source)), on target "
      + "\(DemoText.grouped(target)); \(figures)"
  }

  static func plain(_ story: (time: Duration, text: String)) -> String {
    time(story.time) + "  " + story.text
  }

  private var figures: String {
    guard let written else {
      return rows.source == rows.target
        ? "all rows are copied; the feed is still to prove that changes flow"
        : "the rows that are there are being copied"
    }
    let total = DemoText.grouped(written)
    var text = changesASecond.map { "\($0) changes/s, \(total) so far" } ?? "\(total) changes"
    text += "; marker rows' lag "
    if let median = lag.median, let p99 = lag.p99 {
      text += "p50 \(DemoText.seconds(median)) s, p99 \(DemoText.seconds(p99)) s"
    } else {
      text += "not known yet"
    }
    return text
  }

  private var headline: String { status.headline.isEmpty ? "Starting" : status.headline }

  private var headlineStyle: Style {
    switch status.level {
    case "good": .good
    case "bad": .bad
    case "warning", "busy": .busy
    default: .plain
    }
  }

  private static let legend = [
    "  lag: from a change's commit at the source to its row on the target.",
    "  Rows that others may refer to are deleted by a pass, which comes every 10 s.",
  ]

  private static let header =
    "  " + DemoText.padded("table", 25)
    + [("source", 8), ("target", 8), ("upserted", 9), ("deleted", 8), ("lag", 9)].map {
      DemoText.padded($0.0, $0.1, atStart: true)
    }.joined() + "  feed"

  private static func counts(
    _ name: String, _ source: Int, _ target: Int, _ upserted: Int, _ deleted: Int
  ) -> Line {
    func cell(_ number: Int, _ width: Int) -> String {
      DemoText.padded(DemoText.grouped(number), width, atStart: true)
    }
    var line = Line("  " + DemoText.padded(name, 25) + cell(source, 8))
    line.add(cell(target, 8), source == target ? .plain : .busy)
    line.add(cell(upserted, 9) + cell(deleted, 8))
    return line
  }

  private static func time(_ time: Duration) -> String {
    DemoText.padded("\(Int(time / .seconds(1)))", 4, atStart: true) + " s"
  }

  private func at(_ index: Int, _ numbers: [Int]) -> Int {
    index < numbers.count ? numbers[index] : 0
  }
}
