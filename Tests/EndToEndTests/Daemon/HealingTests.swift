import Glibc
import LocalSupabase
import Mirror
import Testing
import Transport

/// Every way in which the feed loses changes without a word: what was written meanwhile arrives, by the very same
/// process. No regular pass comes to help.
@Suite(.serialized, .ofPair(.healing), .enabled(if: !Stack.isExternal)) struct Healing {
  private static let isLong = Environment.process["SUPAMIRROR_TEST_LONG"] != nil

  @Test func `a Realtime server that stops and starts again and again`() async throws {
    try await DaemonWorld.run(.healing) { world in
      for number in 1...(Self.isLong ? 50 : 5) {
        try await world.gap("restart \(number) of Realtime") { realtime in
          await realtime.stop()
          try await world.writeSome()
          realtime.start()
        }
      }
    }
  }

  @Test func `faults of sockets and channels, one after the other`() async throws {
    try await DaemonWorld.run(.healing) { world in
      try await world.gap("sockets killed") { realtime in
        realtime.killSockets()
        try await world.writeSome()
      }
      try await world.gap("sockets closed on the server's request") { realtime in
        realtime.disconnectAll()
        try await world.writeSome()
      }
      try await world.gap("tokens expired") { realtime in
        realtime.expireTokens()
        try await world.writeSome()
      }
      try await world.gap("joins refused for a while") { realtime in
        let joins = realtime.counts.joins
        realtime.refuseJoins(
          with: "UnableToConnectToProject: Realtime was unable to connect to the project database")
        realtime.killSockets()
        try await world.writeSome()
        try await world.daemon.wait("the refusal is told") {
          $0.feed.problem.contains("UnableToConnectToProject")
        }
        #expect(realtime.counts.joins == joins)
        realtime.refuseJoins(with: nil)
      }
    }
  }

  @Test func `feeds that fall silent`() async throws {
    try await DaemonWorld.run(.healing) { world in
      try await world.gap("changes dropped") { realtime in
        realtime.dropChanges(true)
        try await world.writeSome()
        try await world.daemon.wait("the silence is noticed") { $0.feed.state != .live }
        realtime.dropChanges(false)
      }
      try await world.gap("nothing is polled any more") { realtime in
        await realtime.zombie()
        try await world.writeSome()
      }
    }
  }

  @Test func `a network that loses everything without a word`() async throws {
    let stack = try await Stack.empty(.healing)
    try await stack.both("create table \(DaemonWorld.items)")
    let relay = try FaultRelay.start(hostPort: stack.source.local!.port)
    let mirror = try MirrorProgram(
      stack, tables: [MirrorProgram.table("items")],
      settings: ["SYNC_REQUEST_TIMEOUT_MS": "2000"], source: relay.url)
    try await mirror.migrate(stack)
    try await DaemonWorld.run(stack, mirror) { world in
      try await world.daemon.waitUntilLive()
      try await world.gap("connections that were open lead nowhere") { _ in
        await relay.setMode(.blackHole, for: .existingConnections)
        try await world.writeSome()
      }
      try await world.gap("nothing passes for a while") { _ in
        await relay.setMode(.blackHole)
        try await world.writeSome()
        try await world.daemon.wait("the silence is noticed") { $0.feed.state != .live }
        await relay.resetConnections()
        await relay.setMode(.pass)
      }
    }
    await relay.stop()
  }

  @Test(.enabled(if: isLong, "the client waits 40 s for an answer"))
  func `heartbeats that are not answered`() async throws {
    try await DaemonWorld.run(.healing) { world in
      let connects = try await world.daemon.status().feed.connects
      world.realtime.ignoreHeartbeats(true)
      try await world.daemon.wait("a new socket") { $0.feed.connects > connects }
      world.realtime.ignoreHeartbeats(false)
      try await world.gap("heartbeats unanswered") { _ in try await world.writeSome() }
    }
  }

  @Test func `the source's database is restarted`() async throws {
    // A quick restart between two marker rows shows nowhere: only the next pass knows.
    try await DaemonWorld.run(.healing, settings: ["SYNC_RECONCILE_INTERVAL_MS": "5000"]) { world in
      try await world.stack.source.local?.restartDatabase()
      let start = ContinuousClock.now
      try await world.writeSome()
      try await world.daemon.waitUntilEqual(world.stack, ["items"])
      print("a quick restart of the database: equal after \(ContinuousClock.now - start)")
    }
    try await DaemonWorld.run(.healing) { world in
      try await world.gap("the source's database is away for a while") { _ in
        await world.stack.source.local?.stopDatabase()
        try await world.daemon.wait("it is noticed") { $0.source.downSince != nil }
        try await world.stack.source.local?.startDatabase()
        try await world.writeSome()
      }
    }
  }

  @Test func `a key that is replaced`() async throws {
    let stack = try await Stack.empty(.healing)
    try await stack.both("create table \(DaemonWorld.items)")
    var mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
    try await mirror.migrate(stack)
    let name = "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY"
    let claims = #"{"role":"service_role","iat":1700000001,"exp":4102444800}"#
    let secret = LocalProjectOptions().jwtSecret
    let old = JSONWebToken.signed(claims: claims, secret: secret + "of last year")
    try mirror.setInFile(name, old)
    try await DaemonWorld.run(stack, mirror) { world in
      try await stack.source.script("insert into items values (1, 'a')")
      let refused = try await world.daemon.wait("the key is refused") { $0.pass.failedCount > 0 }
      #expect(refused.problems.contains { $0.contains("service_role") }, "\(refused.problems)")
      #expect(try await world.daemon.answer("/readyz")?.status == 503)
      let start = ContinuousClock.now
      var mirror = mirror
      try mirror.setInFile(name, stack.source.key)
      world.daemon.process.signal(SIGHUP)
      try await world.daemon.waitUntilEqual(stack, ["items"])
      try await world.daemon.waitUntilLive()
      print("a right key for a wrong one: live after \(ContinuousClock.now - start)")

      let new = JSONWebToken.signed(claims: claims, secret: secret)
      try mirror.setInFile(name, new)
      world.daemon.process.signal(SIGHUP)
      try await stack.source.script(
        "insert into items values (2, 'b'); delete from items where id = 1")
      try await world.daemon.waitUntilEqual(stack, ["items"])
      try await world.daemon.waitUntilLive()
      #expect(try await world.change("insert into items values (3, 'c')") == false)
      #expect(world.daemon.isRunning)
      for key in [old, new, stack.source.key] { #expect(!world.daemon.log.contains(key)) }
    }
  }
}

extension DaemonWorld {
  var realtime: RealtimeService { stack.source.local!.realtime! }

  /// Each time other rows: new ones, and of those before some changed and some deleted.
  func writeSome() async throws {
    try await stack.source.script(
      """
      delete from items where id % 7 = 3;
      update items set v = v || '.', updated_at = now() where id % 5 = 1;
      insert into items select coalesce(m, 0) + i, 'v' from generate_series(1, 12) i,
        (select max(id) as m from items) t;
      """)
  }

  /// Lets the feed lose what is written, then waits until it is known to be whole again; and follows on.
  func gap(_ what: String, _ open: (RealtimeService) async throws -> Void) async throws {
    try await writeSome()
    try await daemon.waitUntilEqual(stack, ["items"])
    let healed = try await daemon.waitUntilLive().feed.gapsHealed
    try await open(realtime)
    let start = ContinuousClock.now
    try await daemon.waitUntilEqual(stack, ["items"])
    let equal = ContinuousClock.now - start
    let status = try await daemon.wait("the gap is healed: \(what)") {
      $0.isLive && $0.feed.gapsHealed > healed
    }
    print(
      "\(what): equal \(equal) after its end, live again after \(ContinuousClock.now - start), "
        + "of which \(status.feed.lastHealing ?? .zero) healing")
    #expect(status.feed.lastHealing != nil)
    #expect(daemon.isRunning)
    #expect(try await change("insert into items select max(id) + 1, 'after' from items") == false)
  }
}
