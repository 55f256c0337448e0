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

/// The same in a line a table and way: what the copy takes, and how that stands to the others.
struct CopySummary {
  private let results: [CopyResult]

  init(_ results: [CopyResult]) { self.results = results }

  let headings = [
    "table", "rows", "round trip", "ideal read", "ideal write", "**backfill**", "naive worker",
    "to the ideal", "naive to it", "rows/s", "CPU s/million", "peak MiB",
  ]

  var rows: [[String]] {
    var cases: [CopyCase] = []
    for result in results where !cases.contains(result.aCase) { cases.append(result.aCase) }
    return cases.compactMap(row)
  }

  private func row(_ aCase: CopyCase) -> [String]? {
    func result(_ contender: CopyContender) -> CopyResult? {
      results.first { $0.aCase == aCase && $0.contender == contender }
    }
    guard let read = result(.idealRead), let write = result(.idealWrite),
      let backfill = result(.backfill), let naive = result(.naive)
    else { return nil }
    let rows = Double(aCase.rows)
    func seconds(_ result: CopyResult) -> String { BenchReport.text(result.median) + " s" }
    return [
      aCase.shape.rawValue, BenchReport.grouped(aCase.rows), "\(aCase.latency) ms",
      seconds(read), seconds(write), "**\(seconds(backfill))**",
      seconds(naive) + (naive.sample == nil ? "" : " *"),
      BenchReport.text(CopyRatio.toIdeal(aCase, read, write, backfill)),
      BenchReport.text(CopyRatio.toNaive(naive, backfill), digits: 1),
      BenchReport.grouped(Int(rows / backfill.median)),
      BenchReport.text(backfill.cpu.median / rows * 1e6),
      BenchReport.text(Double(backfill.peak) / 1_048_576, digits: 0),
    ]
  }
}

/// How the copy stands to others. What stands in one repeat was measured right after each other, so repeats are
/// compared, and the median of that counts.
enum CopyRatio {
  /// To the slower of the two that could overlap at best; where nothing but the processors limits both, which they share,
  /// to one after the other.
  static func toIdeal(
    _ aCase: CopyCase, _ read: CopyResult, _ write: CopyResult, _ backfill: CopyResult
  ) -> Double {
    backfill.seconds.indices.map { round in
      let (read, write) = (read.seconds[round], write.seconds[round])
      return backfill.seconds[round] / (aCase.latency == 0 ? read + write : max(read, write))
    }.median
  }

  static func toNaive(_ naive: CopyResult, _ backfill: CopyResult) -> Double {
    zip(naive.seconds, backfill.seconds).map { $0 / $1 }.median
  }
}
