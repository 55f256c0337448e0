/// The report as a page: the table of copies, the promises, what to know.
struct ReportMarkdown {
  private let report: BenchReport
  private let plot: String?

  init(_ report: BenchReport, plot: String?) {
    self.report = report
    self.plot = plot
  }

  /// What `.ci/speed` puts into the README.
  private var summary: String {
    var text = ""
    if !report.copies.isEmpty {
      let copies = CopySummary(report.copies)
      text += Self.table(copies.headings, copies.rows, numbersFrom: 3) + "\n"
    }
    let promises = report.numbers.filter { $0.promise != nil }
    if !promises.isEmpty {
      let rows = promises.map {
        ["`\($0.name)`", BenchReport.text($0.value) + " \($0.unit)", $0.verdict ?? ""]
      }
      text += Self.table(["promise", "measured", ""], rows, numbersFrom: 1) + "\n"
    }
    return text
  }

  var text: String {
    var text = "<!-- summary -->\n\n\(summary)<!-- end of summary -->\n\n"
    if let plot { text += "![time a row over the rows of the table](\(plot))\n\n" }
    if !report.copies.isEmpty {
      let table = CopyTable(report.copies)
      text += Self.table(table.headings, table.rows, numbersFrom: 4) + "\n"
    }
    let others = report.numbers.filter { $0.promise == nil }
    if !others.isEmpty {
      let rows = others.map { ["`\($0.name)`", BenchReport.text($0.value) + " \($0.unit)"] }
      text += Self.table(["number", "measured"], rows, numbersFrom: 1) + "\n"
    }
    for note in report.notes { text += "- \(note)\n" }
    return text
  }

  private static func table(_ headings: [String], _ rows: [[String]], numbersFrom first: Int)
    -> String
  {
    let line = { (cells: [String]) in "| " + cells.joined(separator: " | ") + " |\n" }
    return line(headings)
      + "|" + headings.indices.map { $0 < first ? "---|" : "---:|" }.joined() + "\n"
      + rows.map(line).joined()
  }
}
