import LocalSupabase
import Transport

/// Shows Supamirror at work between two local projects, live, and checks by SQL what it did.
struct Demo {
  private let clock = ContinuousClock()
  private let story = DemoStory()
  private let variables = ProcessEnvironment.read()
  // A Ctrl-C ends this process at once until there is something to end in order; guardians clean up after it.
  private let ending = Ending(isImmediate: true, watchesInput: false)

  /// What stopped the demo.
  struct Stopped: Error, CustomStringConvertible {
    var description: String
  }

  /// - Returns: whether both databases are the same in the end.
  func run() async throws -> Bool {
    let limit = try limit()
    let start = clock.now
    story.say("Supamirror's demo: two local projects, each with a PostgreSQL of its own.\n")
    let folder = try await ClusterFolder()
    var projects: [LocalProject] = []
    let isEqual: Bool
    do {
      try await story.step("Starting a source and a target") {
        var options = LocalProjectOptions()
        options.schemas = ["public", "archive"]
        for _ in 0..<2 { projects.append(try await LocalProject.start(options)) }
      }
      let mirror = DemoMirror(
        DemoMirror.Side(projects[0]), DemoMirror.Side(projects[1]), folder.path)
      try await setUp(projects[0], projects[1], mirror)
      try await mirrorLive(projects[0], projects[1], mirror, for: limit)
      isEqual = try await story.compare(projects[0], projects[1], other: "on target")
    } catch {
      for project in projects { await project.stop() }
      await folder.remove()
      throw error
    }
    for project in projects { await project.stop() }
    await folder.remove()
    story.say("\n\(DemoText.seconds(clock.now - start)) s in all. Nothing is left behind.\n")
    return isEqual
  }

  /// How long rows are to change; nil: until a signal.
  private func limit() throws -> Duration? {
    guard let text = variables["DEMO_SECONDS"], !text.isEmpty else {
      return StandardStream.output.isTerminal ? nil : .seconds(30)
    }
    guard let seconds = Int(text), (1...86_400).contains(seconds) else {
      throw Stopped(description: "DEMO_SECONDS is a number of seconds from 1 to 86400, not \(text)")
    }
    return .seconds(seconds)
  }

  private func setUp(
    _ source: LocalProject, _ target: LocalProject, _ mirror: DemoMirror
  ) async throws {
    try await story.step("Making the same tables in both, and 50,000 rows in the source") {
      try await source.sql(DemoTable.schema)
      try await target.sql(DemoTable.schema)
      try await source.sql(DemoTable.touching)
      try await source.sql(DemoRows.seed)
    }
    try mirror.configure(DemoTable.all)
    try await story.step("Applying the output of `supamirror migration` to both") {
      let migration = try await mirror.migration()
      try await source.sql(migration)
      try await target.sql(migration)
      try await target.sql(DemoCounts.watch)
    }
  }

  private func mirrorLive(
    _ source: LocalProject, _ target: LocalProject, _ mirror: DemoMirror, for limit: Duration?
  ) async throws {
    let daemon = try mirror.startDaemon()
    story.say("\n==> Mirroring: `supamirror run`\n     Its status page: \(daemon.url)\n\n")
    var live = DemoLive(
      source, target, daemon, DemoScreen(StandardStream.output, variables), ending)
    do {
      try await live.copy()
      ending.allowAnOrderlyEnd()
      try await live.change(for: limit)
      // If it ended by itself, there is nothing left to end in order.
      if !ending.hasCome { ending.endAtOnce() }
      try await live.drain()
      try await daemon.stop()
    } catch {
      await live.end()
      await daemon.kill()
      throw error
    }
    await live.end()
    await daemon.kill()
    story.say("     `supamirror run` was sent a SIGTERM, and ended with 0.\n")
  }
}
