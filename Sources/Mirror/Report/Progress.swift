package import Supabase

/// Decides when the rows read so far are worth a line, and what it says.
package struct Progress: Sendable {
  /// On a terminal one line is rewritten in place, at most ten times a second; elsewhere there is a line every ten seconds.
  package let isTerminal: Bool
  private var rows: [TableName: Int] = [:]
  private var total = 0
  private var lastShown: Duration?
  /// Rates are of the time since the last line, so they show what is, not what was.
  private var totalShown = 0

  package init(isTerminal: Bool) { self.isTerminal = isTerminal }

  private var pause: Duration { isTerminal ? .milliseconds(100) : .seconds(10) }

  package struct Line: Hashable, Sendable {
    package let table: TableName
    /// Of this table so far.
    package let rows: Int
    /// Of all tables.
    package let rowsPerSecond: Int

    /// At most 79 characters, so that it never wraps.
    package var text: String {
      let numbers =
        " \(ReportText.grouped(rows)) rows read, \(ReportText.grouped(rowsPerSecond)) rows/s"
      let name = LogLine.printable(table.description)
      let room = max(0, 79 - numbers.count)
      return (name.count <= room ? name : name.prefix(max(0, room - 1)) + "…") + numbers
    }
  }

  /// - Parameters:
  ///   - rows: of the table so far.
  ///   - time: since the pass began.
  /// - Returns: what to show now; nil: nothing yet.
  package mutating func note(_ table: TableName, rows: Int, time: Duration) -> Line? {
    total += max(0, rows - (self.rows[table] ?? 0))
    self.rows[table] = rows
    let since = time - (lastShown ?? .zero)
    guard since >= pause else { return nil }
    let rate = Double(total - totalShown) / (since / .seconds(1))
    lastShown = time
    totalShown = total
    return Line(table: table, rows: rows, rowsPerSecond: Int(min(rate, 1e12)))
  }
}
