import Testing

@testable import supamirror_bench

@Suite struct CopyPlanTests {
  @Test(arguments: [(1, 5_000), (5_000, 5_000), (5_001, 5_000), (12_345, 250), (7, 2)])
  func `every row stands on exactly one page`(rows: Int, page: Int) {
    let aCase = CopyCase(shape: .usual, rows: rows, latency: 0, naiveRows: 1)
    let keys = RecordedPages(aCase, page: page, folder: "").keys
    #expect(keys.flatMap { Array($0) } == Array(1...rows))
    #expect(keys.allSatisfy { $0.count <= page })
  }

  @Test func `a plan is narrowed to what is asked for`() {
    var settings = BenchSettings()
    settings.shapes = [.usual]
    settings.latencies = [80]
    settings.rows = 70_000
    let cases = CopyPlan(settings).cases
    #expect(cases.map(\.rows) == [70_000])
    #expect(cases.allSatisfy { $0.shape == .usual && $0.latency == 80 && $0.repeats == 3 })
    settings.isFull = true
    #expect(CopyPlan(settings).cases.map(\.rows) == [10_000, 100_000, 70_000])
  }

  /// The rows of one table are made once.
  @Test func `cases of one table stand together`() {
    for isFull in [false, true] {
      var settings = BenchSettings()
      settings.isFull = isFull
      var tables: [String] = []
      for aCase in CopyPlan(settings).cases {
        let table = "\(aCase.shape) \(aCase.rows)"
        if tables.last != table { tables.append(table) }
      }
      #expect(Set(tables).count == tables.count)
    }
  }

  private static func result(_ rows: Int, _ seconds: Double, latency: Int = 20) -> CopyResult {
    CopyResult(
      aCase: CopyCase(shape: .usual, rows: rows, latency: latency, naiveRows: 1),
      contender: .backfill, bytes: 1, seconds: [seconds])
  }

  @Test func `growth is drawn where there are two sizes, on the lines of its decades`() throws {
    #expect(GrowthPlot([Self.result(1_000, 1)]) == nil)
    #expect(GrowthPlot([Self.result(1_000, 1), Self.result(10_000, 1, latency: 0)]) == nil)
    // 1,000 µs a row, then 100.
    let plot = try #require(GrowthPlot([Self.result(1_000, 1), Self.result(10_000, 1)]))
    #expect(plot.svg.contains("points=\"64.0,36.0 490.0,312.0\""), "\(plot.svg)")
    #expect(plot.svg.contains("µs a row") && plot.svg.contains("rows of the table"))
  }
}
