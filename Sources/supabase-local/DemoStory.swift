import LocalSupabase
import Transport

/// What a demo says, on standard output.
struct DemoStory {
  private let clock = ContinuousClock()

  func say(_ text: String) { StandardStream.output.write(text) }

  /// Says what is done, does it, and says how long it took.
  func step(_ title: String, _ body: () async throws -> Void) async throws {
    say("\n==> \(title)\n")
    let start = clock.now
    try await body()
    say("     \(DemoText.seconds(clock.now - start)) s\n")
  }

  /// Compares every row of both by SQL, and says what came out.
  /// - Parameter other: what the second one is called.
  /// - Returns: whether both are the same.
  func compare(
    _ one: LocalProject, _ two: LocalProject, other: String
  ) async throws -> Bool {
    say("\n==> Comparing every row of both databases by SQL\n")
    let comparison = DemoComparison(source: one, target: two)
    var outcomes: [DemoComparison.Outcome] = []
    for table in DemoTable.all { outcomes.append(try await comparison.compare(table)) }
    await comparison.close()
    say(line("table", "rows", other, "differences", "seconds"))
    for outcome in outcomes {
      say(
        line(
          outcome.table.spokenName, DemoText.grouped(outcome.sourceRows),
          DemoText.grouped(outcome.targetRows), DemoText.grouped(outcome.differences),
          DemoText.seconds(outcome.elapsed)))
    }
    let differences = outcomes.reduce(0) { $0 + $1.differences }
    let rows = DemoText.grouped(outcomes.reduce(0) { $0 + $1.sourceRows })
    say(
      differences == 0
        ? "     0 differences: both databases are the same in all \(rows) rows.\n"
        : "     \(differences) rows differ. This should not be: please report it.\n")
    return differences == 0
  }

  private func line(_ cells: String...) -> String {
    var line = "     " + DemoText.padded(cells[0], 27)
    for (cell, width) in zip(cells.dropFirst(), [9, 12, 14, 10]) {
      line += DemoText.padded(cell, width, atStart: true)
    }
    return line + "\n"
  }
}
