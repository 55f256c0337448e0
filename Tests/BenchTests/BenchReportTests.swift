import JSON
import Testing

@testable import supamirror_bench

@Suite struct BenchReportTests {
  @Test(arguments: [
    (BenchReport.Promise.atMost(1.15), 1.15, "ok, at most 1.15"),
    (.atMost(1.15), 1.151, "MISSED, at most 1.15"),
    (.atLeast(40), 40, "ok, at least 40.00"), (.atLeast(40), 39.9, "MISSED, at least 40.00"),
  ])
  func `a number is held against its promise`(
    promise: BenchReport.Promise, value: Double, verdict: String
  ) {
    var report = BenchReport()
    report.add("free", 1_000, unit: "x")
    report.add("promised", value, unit: "x", promise)
    #expect(report.numbers.last?.verdict == verdict)
    #expect(report.hasMissed == verdict.hasPrefix("MISSED"))
  }

  @Test func `numbers are written for people`() {
    #expect(BenchReport.text(1.005) == "1.00" || BenchReport.text(1.005) == "1.01")
    #expect(BenchReport.text(-0.05) == "-0.05")
    #expect(BenchReport.text(2.999, digits: 1) == "3.0")
    #expect(BenchReport.text(1_234.5678, digits: 4) == "1234.5678")
    #expect(BenchReport.text(12.5, digits: 0) == "13")
    #expect(
      [0, 999, 1_000, 1_234_567].map(BenchReport.grouped) == ["0", "999", "1,000", "1,234,567"])
    #expect([3, 1, 2].median == 2)
    #expect([4, 1, 2, 3].median == 2.5)
  }

  @Test func `a repeat is compared with the others of the same repeat`() {
    var aCase = CopyCase(shape: .usual, rows: 10, latency: 20, repeats: 3, naiveRows: 10)
    func result(_ contender: CopyContender, _ seconds: [Double]) -> CopyResult {
      CopyResult(aCase: aCase, contender: contender, bytes: 1, seconds: seconds)
    }
    let read = result(.idealRead, [1, 2, 10])
    let write = result(.idealWrite, [2, 4, 5])
    let backfill = result(.backfill, [3, 6, 15])
    #expect(CopyRatio.toIdeal(aCase, read, write, backfill) == 1.5)
    #expect(CopyRatio.toNaive(result(.naive, [30, 6, 30]), backfill) == 2)
    aCase.latency = 0
    #expect(CopyRatio.toIdeal(aCase, read, write, backfill) == 1)
  }

  @Test func `the page has a summary, every number, and is a table whatever the words`() throws {
    var report = BenchReport()
    let aCase = CopyCase(shape: .wide, rows: 1_000, latency: 0, naiveRows: 10)
    for contender in CopyContender.allCases {
      report.copies.append(
        CopyResult(aCase: aCase, contender: contender, bytes: 1_000, seconds: [2], cpu: [1]))
    }
    let lines = ReportMarkdown(report, plot: nil).text.split(whereSeparator: \.isNewline)
    let rows = lines.filter { $0.hasPrefix("|") }
    #expect(rows.count == 2 + 1 + 2 + CopyContender.allCases.count)
    #expect(Set(rows.prefix(3).map { $0.count { $0 == "|" } }) == [13])
    #expect(Set(rows.dropFirst(3).map { $0.count { $0 == "|" } }) == [12])
    #expect(lines.contains("<!-- summary -->") && lines.contains("<!-- end of summary -->"))
    let json = try JSONNode(parsing: report.json)
    #expect(json["copies"]?.array?.count == CopyContender.allCases.count)
  }
}
