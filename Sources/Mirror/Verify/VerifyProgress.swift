package import Supabase

/// Decides when the rows compared so far are worth a line, and what it says.
package struct VerifyProgress: Sendable {
  /// On a terminal one line is rewritten in place, at most ten times a second; elsewhere there is a line every ten
  /// seconds.
  package let isTerminal: Bool
  private var rows: [TableName: (compared: Int, all: Int?)] = [:]
  private var lastShown: Duration?
  private var shownRows = 0

  package init(isTerminal: Bool) { self.isTerminal = isTerminal }

  package struct Line: Hashable, Sendable {
    /// Of all tables.
    package let rows: Int
    package let rowsPerSecond: Int
    /// Of the tables begun whose size is known; nil where none is.
    package let percent: Int?
    package let table: TableName

    package var text: String { text("compared") }

    /// At most 79 characters, so that it never wraps.
    /// - Parameter done: with the rows.
    package func text(_ done: String) -> String {
      let numbers =
        " \(ReportText.grouped(rows)) rows \(done), \(ReportText.grouped(rowsPerSecond)) rows/s"
      let bar = percent.map { percent in
        let full = percent / 5
        return
          "[\(String(repeating: "#", count: full))\(String(repeating: "-", count: 20 - full))] "
      }
      let name = LogLine.printable(table.description)
      let room = max(0, 79 - numbers.count - (bar?.count ?? 0))
      return (bar ?? "") + (name.count <= room ? name : name.prefix(max(0, room - 1)) + "…")
        + numbers
    }
  }

  /// - Parameter time: since the comparison began.
  /// - Returns: what to show now; nil: nothing yet.
  package mutating func note(
    _ table: TableName, rows compared: Int, of all: Int?, time: Duration
  ) -> Line? {
    rows[table] = (compared, all)
    let since = time - (lastShown ?? .zero)
    guard since >= (isTerminal ? .milliseconds(100) : .seconds(10)) else { return nil }
    let total = rows.values.reduce(0) { $0 + $1.compared }
    let rate = Double(max(0, total - shownRows)) / (since / .seconds(1))
    lastShown = time
    shownRows = total
    let sized = rows.values.compactMap { entry in entry.all.map { (min(entry.compared, $0), $0) } }
    let whole = sized.reduce(0) { $0 + $1.1 }
    return Line(
      rows: total, rowsPerSecond: Int(min(rate, 1e12)),
      percent: whole > 0 ? sized.reduce(0) { $0 + $1.0 } * 100 / whole : nil, table: table)
  }
}
