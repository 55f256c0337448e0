import LocalSupabase
import Mirror
import Testing

/// A project that is away for a while.
@Suite(.serialized, .ofPair(.service), .enabled(if: !Stack.isExternal)) struct Outage {
  struct Part: Sendable, CustomStringConvertible {
    let description: String
    let isSource: Bool
    let stop: @Sendable (LocalProject) async -> Void
    let start: @Sendable (LocalProject) async throws -> Void

    fileprivate func project(_ stack: Stack) -> LocalProject {
      (isSource ? stack.source : stack.target).local!
    }
  }

  private static func parts(isSource: Bool) -> [Part] {
    let role = isSource ? "source" : "target"
    return [
      Part(
        description: "the \(role) refuses connections", isSource: isSource,
        stop: { await $0.stopServer() }, start: { try $0.startServer() }),
      Part(
        description: "the \(role)'s database is down", isSource: isSource,
        stop: { await $0.stopDatabase() }, start: { try await $0.startDatabase() }),
    ]
  }

  @Test(arguments: parts(isSource: false) + parts(isSource: true))
  func `it says so, goes on, and makes up for it`(part: Part) async throws {
    try await DaemonWorld.run(
      .service,
      settings: [
        "SYNC_RECONCILE_INTERVAL_MS": "1000", "SYNC_RETRY_MS": "1000",
        "SYNC_DELETE_LIMIT_PERCENT": "100",
      ]
    ) { world in
      let (stack, daemon) = (world.stack, world.daemon)
      _ = try await world.change("insert into items select i, 'v' from generate_series(1, 20) i")
      let role = part.isSource ? "source" : "target"
      let write = {
        try await stack.source.script(
          """
          insert into items select i, 'n' from generate_series(100, 200) i;
          update items set v = 'changed', updated_at = now() where id <= 5;
          delete from items where id between 6 and 10;
          """)
      }
      let before = try await daemon.status()
      let lines = daemon.logLines.count
      await part.stop(part.project(stack))
      let isWritable = !part.isSource || part.description.contains("refuses")
      if isWritable { try await write() }

      let down = try await daemon.wait("the \(role) is down, and passes fail") {
        (part.isSource ? $0.source : $0.target).downSince != nil
          && $0.pass.failedCount >= before.pass.failedCount + 2
      }
      #expect(!(part.isSource ? down.source : down.target).problem.isEmpty)
      #expect(try await daemon.answer("/healthz")?.status == 200)
      let ready = try await daemon.answer("/readyz")
      #expect(ready?.status == 503)
      #expect(ready?.text.contains("the \(role) is unreachable") == true, "\(ready?.text ?? "")")
      // The file is a little behind.
      var told = try await world.mirror.run(["status"])
      let start = ContinuousClock.now
      while !told.output.contains("unreachable"),
        ContinuousClock.now - start < DaemonProgram.patience
      {
        told = try await world.mirror.run(["status"])
      }
      #expect(told.exitCode == 1, "\(told)")
      let written = daemon.logLines.count - lines
      #expect(written <= 10, "\(daemon.log)")

      let restart = ContinuousClock.now
      try await part.start(part.project(stack))
      if !isWritable { try await write() }
      try await daemon.waitUntilEqual(stack, ["items"])
      let equal = ContinuousClock.now - restart
      try await daemon.wait("it is ready again") { $0.isLive && $0.target.downSince == nil }
      print(
        "\(part): equal \(equal) after its end, live again after \(ContinuousClock.now - restart), "
          + "\(written) log lines")
      #expect(daemon.isRunning)
      _ = try await world.change("insert into items values (1000, 'after')")
    }
  }
}
