import Glibc
import LocalSupabase
import Mirror
import Testing
import Transport

/// The daemon as its service manager and its operator meet it.
@Suite(.serialized, .ofPair(.service)) struct Service {
  @Test func `SIGTERM ends it in order, and what was signalled before is on the target`()
    async throws
  {
    let stack = try await Stack.empty(.service)
    try await stack.both("create table \(DaemonWorld.items)")
    let target = try FaultProxy.start(upstream: stack.target.url, transport: HTTPClient())
    let mirror = try MirrorProgram(
      stack, tables: [MirrorProgram.table("items")], target: target.url)
    try await mirror.migrate(stack)
    try await DaemonWorld.run(stack, mirror) { world in
      let before = try await world.daemon.waitUntilLive()
      // No write is done before the signal comes.
      target.setFaults { request, _ in request.method == "POST" ? .latency(.seconds(2)) : .none }
      try await stack.source.sql("insert into items select i, 'v' from generate_series(1, 400) i")
      try await world.daemon.wait("400 rows are signalled") {
        $0.feed.events >= before.feed.events + 400
      }
      let start = ContinuousClock.now
      world.daemon.process.signal(SIGTERM)
      #expect(try await world.daemon.waitForEnd() == .exited(0), "\(world.daemon.log)")
      print("SIGTERM with rows on their way: ended after \(ContinuousClock.now - start)")
      #expect(try await stack.differences("items") == [])
    }
    await target.stop()
  }

  @Test func `SIGHUP takes up a new table, and keeps what it has where the file is broken`()
    async throws
  {
    try await DaemonWorld.run(
      .service,
      """
      create table \(DaemonWorld.items);
      create table more (id bigint primary key, updated_at timestamptz default now());
      """
    ) { world in
      let daemon = world.daemon
      try await world.stack.source.script(
        "insert into items values (1, 'a'); insert into more select i from generate_series(1, 700) i"
      )
      try await daemon.waitUntilEqual(world.stack, ["items"])

      try world.mirror.setTables([MirrorProgram.table("items"), MirrorProgram.table("more")])
      try await world.mirror.migrate(world.stack)
      daemon.process.signal(SIGHUP)
      try await daemon.wait("the new table is followed") { $0.tables.count == 2 && $0.isLive }
      try await daemon.waitUntilEqual(world.stack, ["items", "more"])
      _ = try await world.change(
        "insert into items values (2, 'b'); insert into more values (1000)", ["items", "more"])

      try world.mirror.writeFile(
        "\(world.mirror.folder)/tables.config.json", Array(#"{"tables": [{"nam": "x"}]}"#.utf8))
      daemon.process.signal(SIGHUP)
      try await daemon.waitForLog("configuration not taken up")
      #expect(daemon.log.contains("tables.config.json"))
      #expect(try await daemon.status().tables.count == 2)
      _ = try await world.change(
        "insert into items values (3, 'c'); delete from more where id = 1000", ["items", "more"])
      #expect(daemon.isRunning)
    }
  }

  @Test func `SIGUSR1 writes the status to the log`() async throws {
    try await DaemonWorld.run(.service) { world in
      try await world.stack.source.script("insert into items values (1, 'secret text')")
      try await world.daemon.waitUntilEqual(world.stack, ["items"])
      let before = world.daemon.log.count
      world.daemon.process.signal(SIGUSR1)
      try await world.daemon.waitForLog("public.items")
      let shown = world.daemon.log.dropFirst(before)
      #expect(shown.contains("Live"), "\(shown)")
      #expect(!shown.contains("secret text"))
      #expect(!world.daemon.log.contains(world.stack.source.key))
    }
  }

  @Test func `two daemons never share a state`() async throws {
    try await DaemonWorld.run(.service) { world in
      let second = try await world.mirror.run(["run"])
      #expect(second.exitCode == 2, "\(second)")
      #expect(second.log.contains("\(world.daemon.process.pid)"), "\(second)")
      let pass = try await world.mirror.cron()
      #expect(pass.exitCode == 2, "\(pass)")
      #expect(try await world.change("insert into items values (1, 'a')") == false)
    }
  }

  @Test func `supamirror status tells of a daemon that runs, and of one that does not`()
    async throws
  {
    let stack = try await Stack.empty(.service)
    try await stack.both("create table \(DaemonWorld.items)")
    let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
    try await mirror.migrate(stack)
    let none = try await mirror.run(["status"])
    #expect(none.exitCode == 2, "\(none)")
    var pid: pid_t = 0
    try await DaemonWorld.run(stack, mirror) { world in
      pid = world.daemon.process.pid
      try await world.daemon.waitUntilLive()
      // The file is a little behind.
      var told = try await mirror.run(["status"])
      let start = ContinuousClock.now
      while told.exitCode != 0, ContinuousClock.now - start < DaemonProgram.patience {
        told = try await mirror.run(["status"])
      }
      #expect(told.exitCode == 0, "\(told)")
      #expect(told.output.contains("Live"), "\(told)")
      #expect(told.output.contains("Process \(pid) runs"), "\(told)")
      let json = try await mirror.run(["status", "--json"])
      #expect(json.output.contains(#""running":true,"process":\#(pid)"#), "\(json)")
      #expect(try await world.daemon.answer("/readyz")?.status == 200)
    }
    let ended = try await mirror.run(["status"])
    #expect(ended.exitCode == 3, "\(ended)")
    #expect((ended.output + ended.log).contains("does not run"), "\(ended)")

    // One that had no time to say goodbye.
    let daemon = try await DaemonProgram(mirror)
    try await daemon.waitUntilLive()
    daemon.process.signal(SIGKILL)
    _ = try await daemon.waitForEnd()
    let killed = try await mirror.run(["status"])
    #expect(killed.exitCode == 3, "\(killed)")
  }
}
