import Transport

/// Where the numbers are left: JSON for programs, Markdown for people, with a drawing beside it.
struct ReportFiles {
  private let json: String
  private let markdown: String

  init(_ environment: [String: String]) {
    let folder = ".build-bench/report"
    json = environment["BENCH_JSON"] ?? "\(folder)/bench.json"
    markdown = environment["BENCH_MARKDOWN"] ?? "\(folder)/bench.md"
  }

  /// Beside the Markdown, under its name.
  private var plot: String {
    (markdown.hasSuffix(".md") ? String(markdown.dropLast(3)) : markdown) + ".svg"
  }

  func write(_ report: BenchReport) async throws {
    let plot = GrowthPlot(report.copies)
    let name = plot == nil ? nil : self.plot.split(separator: "/").last.map(String.init)
    try await replace(json, report.json)
    try await replace(markdown, Array(ReportMarkdown(report, plot: name).text.utf8))
    if let plot { try await replace(self.plot, Array(plot.svg.utf8)) }
    Bench.say(
      "\nwritten: \(([json, markdown] + (plot == nil ? [] : [self.plot])).joined(separator: ", "))")
  }

  private func replace(_ path: String, _ bytes: [UInt8]) async throws {
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      _ = await (try ChildProcess("mkdir", ["-p", String(path[..<slash])])).wait()
    }
    try SnapshotFile(path).replace(with: bytes)
  }
}
