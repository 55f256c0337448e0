import LocalSupabase
import Transport

/// Shows Supamirror at work between two local projects, and checks by SQL what it did.
struct Demo {
  private let clock = ContinuousClock()

  /// What stopped the demo.
  struct Stopped: Error, CustomStringConvertible {
    var description: String
  }

  /// - Returns: whether both databases are the same in the end.
  func run() async throws -> Bool {
    let start = clock.now
    say("Supamirror's demo: two projects on this machine, each with a PostgreSQL of its own.\n")
    let folder = try await ClusterFolder()
    var projects: [LocalProject] = []
    let isEqual: Bool
    do {
      try await step("Starting a source and a target") {
        var options = LocalProjectOptions()
        options.schemas = ["public", "archive"]
        for _ in 0..<2 { projects.append(try await LocalProject.start(options)) }
      }
      isEqual = try await copyAndCompare(projects[0], projects[1], folder.path)
    } catch {
      for project in projects { await project.stop() }
      await folder.remove()
      throw error
    }
    for project in projects { await project.stop() }
    await folder.remove()
    say("\n\(seconds(clock.now - start)) s in all. Nothing is left behind.\n")
    return isEqual
  }

  private func copyAndCompare(
    _ source: LocalProject, _ target: LocalProject, _ folder: String
  ) async throws -> Bool {
    try await step("Making the same tables in both, and 50,000 rows in the source") {
      try await source.sql(DemoTable.schema)
      try await target.sql(DemoTable.schema)
      try await source.sql(DemoTable.touching)
      try await source.sql(DemoRows.seed)
    }
    let mirror = DemoMirror(source, target, folder)
    try mirror.configure(DemoTable.all)
    try await step("Applying the output of `supamirror migration` to both") {
      let migration = try await mirror.migration()
      try await source.sql(migration)
      try await target.sql(migration)
    }
    try await step("First pass: `supamirror --cron` copies everything") {
      say(try await mirror.pass())
    }
    try await step("Changing the source") {
      try await source.sql(DemoRows.changes)
      for line in DemoRows.changesInWords { say("     \(line)\n") }
    }
    try await step("Second pass: `supamirror --cron` copies what changed") {
      say(try await mirror.pass())
    }
    var isEqual = false
    try await step("Comparing every row of both databases by SQL") {
      isEqual = try await compare(source, target)
    }
    return isEqual
  }

  private func compare(_ source: LocalProject, _ target: LocalProject) async throws -> Bool {
    let comparison = DemoComparison(source: source, target: target)
    var outcomes: [DemoComparison.Outcome] = []
    for table in DemoTable.all { outcomes.append(try await comparison.compare(table)) }
    await comparison.close()
    say(line("table", "rows", "on target", "differences", "seconds"))
    for outcome in outcomes {
      say(
        line(
          "\(outcome.table.schema).\(outcome.table.name)", "\(outcome.sourceRows)",
          "\(outcome.targetRows)", "\(outcome.differences)", seconds(outcome.elapsed)))
    }
    let differences = outcomes.reduce(0) { $0 + $1.differences }
    let rows = outcomes.reduce(0) { $0 + $1.sourceRows }
    say(
      differences == 0
        ? "     Both databases are the same in all \(rows) rows.\n"
        : "     \(differences) rows differ. This should not be: please report it.\n")
    return differences == 0
  }

  private func line(_ cells: String...) -> String {
    var line = "     " + cells[0].padded(to: 30)
    for cell in cells.dropFirst() { line += cell.padded(to: 13, atStart: true) }
    return line + "\n"
  }

  /// Says what is done, does it, and says how long it took.
  private func step(_ title: String, _ body: () async throws -> Void) async throws {
    say("\n==> \(title)\n")
    let start = clock.now
    try await body()
    say("     \(seconds(clock.now - start)) s\n")
  }

  private func say(_ text: String) { StandardStream.output.write(text) }

  private func seconds(_ duration: Duration) -> String {
    let hundredths = Int(duration / .milliseconds(10))
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension String {
  fileprivate func padded(to width: Int, atStart: Bool = false) -> String {
    let padding = String(repeating: " ", count: max(0, width - count))
    return atStart ? padding + self : self + padding
  }
}
