/// What is promised of the first copy, held against what was measured.
struct CopyPromises {
  private let results: [CopyResult]

  init(_ results: [CopyResult]) { self.results = results }

  func check(_ report: inout BenchReport) {
    Bench.say("")
    for aCase in mainCases { check(aCase, &report) }
    checkCost(&report)
    checkGrowth(&report)
  }

  /// The largest usual table over each way: what starting takes counts for little there.
  private var mainCases: [CopyCase] {
    let usual = results.filter { $0.aCase.shape == .usual && $0.contender == .backfill }
    let most = usual.map(\.aCase.rows).max()
    return usual.map(\.aCase).filter { $0.rows == most }
  }

  private func result(_ aCase: CopyCase, _ contender: CopyContender) -> CopyResult? {
    results.first { $0.aCase == aCase && $0.contender == contender }
  }

  private func check(_ aCase: CopyCase, _ report: inout BenchReport) {
    guard let backfill = result(aCase, .backfill), let read = result(aCase, .idealRead),
      let write = result(aCase, .idealWrite), let naive = result(aCase, .naive)
    else { return }
    let name = "copy.usual.\(aCase.latency)ms"
    report.add(
      "\(name)." + (aCase.latency == 0 ? "to_ideal_read_and_write" : "to_slower_ideal"),
      CopyRatio.toIdeal(aCase, read, write, backfill), unit: "x", .atMost(1.15))
    let least = aCase.latency >= 80 ? 40.0 : aCase.latency >= 20 ? 14 : 5
    report.add(
      "\(name).naive_worker_to_it", CopyRatio.toNaive(naive, backfill), unit: "x",
      .atLeast(least))
  }

  private func checkCost(_ report: inout BenchReport) {
    let cpu = mainCases.compactMap { aCase in
      result(aCase, .backfill).map { $0.cpu.median / Double(aCase.rows) * 1_000_000 }
    }
    if let most = cpu.max() {
      report.add("copy.usual.cpu_per_million_rows", most, unit: "s", .atMost(2))
    }
    let peaks = results.filter { $0.contender == .backfill }
    for shape in RowShape.allCases {
      guard let peak = peaks.filter({ $0.aCase.shape == shape }).map(\.peak).max() else { continue }
      report.add(
        "copy.\(shape.rawValue).peak", Double(peak) / 1_048_576, unit: "MiB", .atMost(48))
    }
  }

  /// Whether a row of ten million takes as long as one of a hundred thousand.
  private func checkGrowth(_ report: inout BenchReport) {
    let usual = results.filter { $0.contender == .backfill && $0.aCase.shape == .usual }
    for latency in Set(usual.map(\.aCase.latency)).sorted() {
      func time(_ rows: Int) -> Double? {
        usual.first { $0.aCase.rows == rows && $0.aCase.latency == latency }
          .map { $0.median / Double(rows) }
      }
      guard let small = time(100_000), let large = time(10_000_000) else { continue }
      report.add(
        "copy.usual.\(latency)ms.row_of_10_million_to_100_thousand", large / small, unit: "x",
        .atMost(1.1))
    }
  }
}
