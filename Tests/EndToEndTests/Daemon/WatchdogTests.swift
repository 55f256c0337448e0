import Glibc
import LocalSupabase
import Mirror
import Testing
import Transport

/// What the daemon tells its service manager, and what that is good for.
@Suite(.serialized, .ofPair(.feed)) struct Watchdog {
  @Test func `it says when it is ready, how it is, and when it reads its files again or ends`()
    async throws
  {
    let stack = try await Stack.empty(.feed)
    try await stack.both("create table \(DaemonWorld.items)")
    let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
    try await mirror.migrate(stack)
    let manager = ServiceManager(watchdog: .seconds(4))
    try await DaemonWorld.run(stack, mirror, environment: manager.environment) { world in
      try await manager.wait(for: "READY=1")
      try await manager.wait(for: "WATCHDOG=1")
      try await world.daemon.waitUntilLive()
      let signs = manager.count("WATCHDOG=1")
      try await manager.wait(for: "WATCHDOG=1", count: signs + 2)
      #expect(
        manager.messages.contains { $0.text.contains("STATUS=Live") },
        "\(manager.messages.map(\.text))")
      #expect(!manager.messages.contains { $0.has("STOPPING=1") })

      world.daemon.process.signal(SIGHUP)
      try await manager.wait(for: "RELOADING=1")
      try await manager.wait(for: "READY=1", count: 2)
      let reload = manager.messages.first { $0.has("RELOADING=1") }
      #expect(reload?.text.contains("MONOTONIC_USEC=") == true)

      world.daemon.process.signal(SIGTERM)
      #expect(try await world.daemon.waitForEnd() == .exited(0))
      try await manager.wait(for: "STOPPING=1")
    }
  }

  @Test func `a daemon whose requests are never answered is killed, and the next one goes on`()
    async throws
  {
    let interval = Duration.seconds(6)
    let stack = try await Stack.empty(.feed)
    try await stack.both("create table \(DaemonWorld.items)")
    let target = try FaultProxy.start(upstream: stack.target.url, transport: HTTPClient())
    let mirror = try MirrorProgram(
      stack, tables: [MirrorProgram.table("items")], target: target.url)
    try await mirror.migrate(stack)
    let manager = ServiceManager(watchdog: interval)
    try await DaemonWorld.run(stack, mirror, environment: manager.environment) { world in
      try await world.daemon.waitUntilLive()
      target.setFaults { _, _ in .silence }
      try await stack.source.sql("insert into items select i, 'v' from generate_series(1, 50) i")
      let silent = ContinuousClock.now
      while let last = manager.lastSign, ContinuousClock.now - last < interval {
        try #require(
          ContinuousClock.now - silent < DaemonProgram.patience, "it goes on saying that it works")
        try await Task.sleep(for: .milliseconds(50))
      }
      let answer = try await world.daemon.answer("/healthz")
      #expect(answer?.status == 503)
      #expect(world.daemon.log.contains("the watchdog is not fed"), "\(world.daemon.log)")
      world.daemon.process.signal(SIGABRT)
      #expect(try await world.daemon.waitForEnd() == .signalled(SIGABRT))
    }
    target.clearFaults()
    let next = ServiceManager(watchdog: interval)
    try await DaemonWorld.run(stack, mirror, environment: next.environment) { world in
      try await world.daemon.waitUntilEqual(stack, ["items"])
      try await world.daemon.waitUntilLive()
      try await next.wait(for: "WATCHDOG=1")
    }
    await target.stop()
  }

  @Test(.enabled(if: !Stack.isExternal))
  func `an outage is no reason to be killed`() async throws {
    let interval = Duration.seconds(6)
    let stack = try await Stack.empty(.feed)
    try await stack.both("create table \(DaemonWorld.items)")
    let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
    try await mirror.migrate(stack)
    let manager = ServiceManager(watchdog: interval)
    try await DaemonWorld.run(stack, mirror, environment: manager.environment) { world in
      try await world.daemon.waitUntilLive()
      await stack.target.local?.stopServer()
      try await stack.source.sql("insert into items select i, 'v' from generate_series(1, 50) i")
      try await world.daemon.wait("the target is down") { $0.target.downSince != nil }
      let signs = manager.count("WATCHDOG=1")
      // Longer than it may be silent.
      try await manager.wait(for: "WATCHDOG=1", count: signs + 6)
      #expect(try await world.daemon.answer("/healthz")?.status == 200)
      try stack.target.local?.startServer()
      try await world.daemon.waitUntilEqual(stack, ["items"])
      #expect(world.daemon.isRunning)
    }
  }
}
