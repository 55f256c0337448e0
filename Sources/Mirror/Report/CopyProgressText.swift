import Supabase

/// What a terminal shows while tables are copied: a line for each of those at work, and one for all.
package struct CopyProgressText: Sendable {
  private let progress: CopyProgress
  private let time: Duration

  /// - Parameter time: since the run began.
  package init(_ progress: CopyProgress, at time: Duration) {
    self.progress = progress
    self.time = time
  }

  /// Lines that fit a terminal of this size; on a narrow one less is said, on a low one fewer tables are shown.
  package func lines(columns: Int, rows: Int, isColoured: Bool) -> [String] {
    // Most terminals begin a new line when the last column is written to.
    let width = max(1, columns - 1)
    let all = progress.tables.filter(\.isAtWork)
    let most = max(1, min(16, rows - 3))
    let shown = all.count > most ? all.prefix(max(0, most - 1)) : all.prefix(most)
    let cells = shown.map { table in
      (
        LogLine.printable(table.name.description), table.percent.map { "\($0) %" } ?? "",
        Self.rows(table.rows, of: table.estimate)
      )
    }
    let numbers = cells.map(\.2.count).max() ?? 0
    // A bar is worth its place only where name and numbers have theirs.
    let name = min(cells.map(\.0.count).max() ?? 0, max(12, (width - numbers - 7) / 2))
    let bar = min(30, width - name - numbers - 10)
    var lines = zip(shown, cells).map { table, cell in
      var line = Self.cut(cell.0, to: name)
      line += String(repeating: " ", count: name - line.count + 2)
      var colours = 0
      if bar >= 5 {
        let drawn = Self.bar(table.percent, width: bar, isColoured: isColoured)
        colours = drawn.count - bar
        line += drawn + "  "
      }
      line += String(repeating: " ", count: 4 - cell.1.count) + cell.1 + "  " + cell.2
      return bar >= 5 ? String(line.prefix(width + colours)) : Self.cut(line, to: width)
    }
    if shown.count < all.count {
      lines.append(Self.cut("and \(all.count - shown.count) more", to: width))
    }
    return lines + [Self.joined(total, within: width)]
  }

  /// In the order of what is said first where there is little room.
  private var total: [String] {
    let total = progress.total(at: time)
    var parts: [String] = []
    if let percent = total.percent { parts.append("\(percent) %") }
    parts.append(Self.rows(total.rows, of: total.estimate) + " rows")
    parts.append("\(ReportText.grouped(total.rowsPerSecond)) rows/s")
    if let left = total.timeLeft { parts.append("\(Self.left(left)) left") }
    parts.append(SpokenBytes.text(total.bytesPerSecond) + "/s")
    if total.tables > 1 { parts.append("\(total.tablesDone) of \(total.tables) tables done") }
    return parts
  }

  /// As many parts as fit.
  private static func joined(_ parts: [String], within width: Int) -> String {
    var line = ""
    for part in parts {
      let longer = line.isEmpty ? part : line + ", " + part
      guard longer.count <= width else { break }
      line = longer
    }
    return line.isEmpty ? cut(parts.first ?? "", to: width) : line
  }

  static func rows(_ rows: Int, of estimate: Int?) -> String {
    guard let estimate, estimate >= rows else { return ReportText.grouped(rows) }
    return "\(ReportText.grouped(rows)) of ~\(ReportText.grouped(estimate))"
  }

  private static func bar(_ percent: Int?, width: Int, isColoured: Bool) -> String {
    let full = (percent ?? 0) * width / 100
    let done = String(repeating: "█", count: full)
    let open = String(repeating: percent == nil ? " " : "░", count: width - full)
    return isColoured ? "\u{1B}[36m\(done)\u{1B}[2m\(open)\u{1B}[0m" : done + open
  }

  private static func cut(_ text: String, to width: Int) -> String {
    text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
  }

  /// `45s`, `12m 30s`, `3h 5m`, `2d 4h`
  static func left(_ time: Duration) -> String {
    let seconds = Int(max(0, time.components.seconds))
    if seconds < 60 { return "\(seconds)s" }
    if seconds < 3_600 { return "\(seconds / 60)m \(seconds % 60)s" }
    if seconds < 86_400 { return "\(seconds / 3_600)h \(seconds % 3_600 / 60)m" }
    return "\(ReportText.grouped(seconds / 86_400))d \(seconds % 86_400 / 3_600)h"
  }
}

extension CopyProgress {
  /// The same as data of a log line, `key=value` or JSON.
  package func logEvent(at time: Duration) -> LogEvent {
    let total = total(at: time)
    let atWork = tables.filter(\.isAtWork).prefix(16).map { table in
      table.name.description + (table.percent.map { " \($0) %" } ?? "")
    }
    let fields: [(String, String?)] = [
      ("tables", atWork.joined(separator: ", ")), ("tables.done", "\(total.tablesDone)"),
      ("tables.total", "\(total.tables)"), ("rows", "\(total.rows)"),
      ("rows.estimated", total.estimate.map { "\($0)" }),
      ("percent", total.percent.map { "\($0)" }), ("rows.per_second", "\(total.rowsPerSecond)"),
      ("bytes.per_second", "\(total.bytesPerSecond)"),
      ("seconds.left", total.timeLeft.map { "\($0.components.seconds)" }),
    ]
    return LogEvent(
      level: .info, message: "copying whole tables",
      fields: fields.compactMap { key, value in value.map { LogEvent.Field(key: key, value: $0) } })
  }
}
