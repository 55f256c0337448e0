import JSON
import Supabase

extension BackfillForecast {
  private static let headings = ["table", "rows", "bytes/row", "to read", "copied"]

  /// Aligned columns, then what cannot be copied, and the total. Ends with a line end.
  package var plain: String {
    let lines = tables.filter { $0.problem == nil }.map { table in
      [
        LogLine.printable(table.name.description), Self.about(table.rows),
        table.bytesPerRow.map(ReportText.grouped) ?? "–",
        table.bytesLeft.map(SpokenBytes.text) ?? "–",
        table.copied > 0 ? ReportText.grouped(table.copied) : "–",
      ]
    }
    var text = ""
    if !lines.isEmpty {
      let rows = [Self.headings] + lines
      let widths = Self.headings.indices.map { column in
        rows.map { $0[column].count }.max() ?? 0
      }
      for row in rows {
        let cells = row.indices.map { column in
          let blanks = String(repeating: " ", count: widths[column] - row[column].count)
          return column == 0 ? row[column] + blanks : blanks + row[column]
        }
        text += cells.joined(separator: "  ") + "\n"
      }
      text += "\n"
    }
    let problems =
      (stopped.map { ["Nothing can be copied now: \($0)"] } ?? [])
      + tables.compactMap { table in table.problem.map { "\(table.name): \($0)" } }
    if !problems.isEmpty {
      text += "Needs attention:\n"
      for problem in problems { text += ReportText.wrapped(LogLine.printable(problem)) }
      text += "\n"
    }
    if !copiedBefore.isEmpty {
      let names = copiedBefore.map(\.description).joined(separator: ", ")
      text += "Notes:\n"
      text += ReportText.wrapped(
        LogLine.printable(
          "copied whole before, so left alone; --table or --all copies them again: \(names)"))
      text += "\n"
    }
    return text + verdict + "\n"
  }

  /// What would be read, in one sentence.
  package var verdict: String {
    let copied = tables.filter { $0.problem == nil }
    guard stopped == nil, !copied.isEmpty else { return "Dry run: nothing would be copied." }
    let rows = Self.sum(copied.map(\.rowsLeft))
    let bytes = Self.sum(copied.map(\.bytesLeft))
    let tables = copied.count == 1 ? "1 table" : "\(ReportText.grouped(copied.count)) tables"
    return "Dry run, nothing was written: \(bytes.isWhole ? "" : "more than ")"
      + "\(ReportText.grouped(rows.value)) rows to read, "
      + "\(SpokenBytes.text(bytes.value)) before compression, in \(tables)."
  }

  /// One line of JSON, without its end, for programs.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("dryRun")
    writer.bool(true)
    if let stopped {
      writer.name("stopped")
      writer.string(stopped)
    }
    let copied = tables.filter { $0.problem == nil }
    for (name, sum) in [
      ("rowsLeft", Self.sum(copied.map(\.rowsLeft))),
      ("bytesLeft", Self.sum(copied.map(\.bytesLeft))),
    ] {
      writer.write(name, sum.isWhole && stopped == nil ? sum.value : nil)
    }
    writer.name("tables")
    writer.beginArray()
    for table in tables { table.write(to: &writer) }
    writer.endArray()
    writer.name("copiedBefore")
    writer.beginArray()
    for table in copiedBefore {
      writer.beginObject()
      writer.name("schema")
      writer.string(table.schema)
      writer.name("table")
      writer.string(table.name)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.text
  }

  /// Of those that are known.
  private static func sum(_ numbers: [Int?]) -> (value: Int, isWhole: Bool) {
    var sum = 0
    for number in numbers.compactMap(\.self) {
      let (next, overflows) = sum.addingReportingOverflow(number)
      sum = overflows ? .max : next
    }
    return (sum, numbers.allSatisfy { $0 != nil })
  }

  private static func about(_ rows: Int?) -> String {
    guard let rows else { return "–" }
    return rows == 0 ? "0" : "~" + ReportText.grouped(rows)
  }
}

extension BackfillForecast.Table {
  fileprivate func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("schema")
    writer.string(name.schema)
    writer.name("table")
    writer.string(name.name)
    for (name, number) in [
      ("rows", rows), ("bytesPerRow", bytesPerRow), ("rowsCopied", copied),
      ("rowsLeft", rowsLeft), ("bytesLeft", bytesLeft),
    ] {
      writer.write(name, number)
    }
    writer.name("problem")
    if let problem { writer.string(problem) } else { writer.null() }
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ name: String, _ number: Int?) {
    self.name(name)
    if let number { self.number(number) } else { null() }
  }
}
