/// All copies side by side, for a terminal or a page.
struct CopyTable {
  private let results: [CopyResult]

  init(_ results: [CopyResult]) { self.results = results }

  let headings = [
    "table", "rows", "round trip", "who", "seconds", "least–most", "rows/s", "MB/s",
    "CPU s/million", "peak MiB", "requests/million",
  ]

  var rows: [[String]] {
    results.map { result in
      let rows = Double(result.aCase.rows)
      let time = result.median
      let hasRows = result.contender != .nothing
      func perMillion(_ value: Double, digits: Int) -> String {
        BenchReport.text(value / rows * 1_000_000, digits: digits)
      }
      let isProcess = !result.cpu.isEmpty
      return [
        result.aCase.shape.rawValue, BenchReport.grouped(result.aCase.rows),
        "\(result.aCase.latency) ms",
        result.contender.rawValue + (result.sample == nil ? "" : " *"),
        BenchReport.text(time),
        result.seconds.count < 2
          ? ""
          : "\(BenchReport.text(result.seconds.min() ?? 0))–\(BenchReport.text(result.seconds.max() ?? 0))",
        hasRows ? BenchReport.grouped(Int(rows / time)) : "",
        hasRows ? BenchReport.text(Double(result.bytes) / time / 1e6, digits: 1) : "",
        hasRows && isProcess ? perMillion(result.cpu.median, digits: 2) : "",
        isProcess ? BenchReport.text(Double(result.peak) / 1_048_576, digits: 0) : "",
        hasRows ? result.requests.map { perMillion(Double($0), digits: 0) } ?? "" : "",
      ]
    }
  }

  var plain: String {
    let lines = [headings] + rows
    let widths = headings.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      let cells = line.indices.map { column in
        line[column].padded(to: widths[column], atStart: column == 1 || column > 3)
      }
      return "  " + cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
