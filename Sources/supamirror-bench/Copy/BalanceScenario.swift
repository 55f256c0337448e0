/// Whether lanes have about as much to do, whatever the keys look like.
struct BalanceScenario {
  init(_ settings: BenchSettings) {}

  func run(_ report: inout BenchReport) async throws {
    report.note("balance: the program does not say yet how many rows each lane copied.")
  }
}
