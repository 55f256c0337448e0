import LocalSupabase
import Transport

/// Three projects, n1, n2 and n3: n1 feeds the others. n2 is cut off, n1 changes on and dies, and n2 is recovered from n3.
struct RecoveryDemo {
  private let clock = ContinuousClock()
  private let story = DemoStory()
  private let variables = ProcessEnvironment.read()
  // A Ctrl-C ends this process at once; guardians clean up after it.
  private let ending = Ending(isImmediate: true, watchesInput: false)

  /// Everything that runs.
  private struct Drill {
    var n1: LocalProject
    var n2: LocalProject
    var n3: LocalProject
    /// In front of n2.
    var relay: FaultRelay
    var toN2: DemoMirror
    var toN3: DemoMirror
  }

  /// - Returns: whether n2 and n3 are the same in the end.
  func run() async throws -> Bool {
    let seconds = try seconds()
    let start = clock.now
    story.say("Supamirror's recovery drill: n1 feeds n2 and n3; n2 lags, n1 dies, n3 survives.\n")
    let folders = [try await ClusterFolder(), try await ClusterFolder()]
    var projects: [LocalProject] = []
    let isEqual: Bool
    do {
      try await story.step("Starting n1, n2 and n3") {
        var options = LocalProjectOptions()
        options.schemas = ["public", "archive"]
        for _ in 0..<3 { projects.append(try await LocalProject.start(options)) }
      }
      let relay = try FaultRelay.start(hostPort: projects[1].port)
      let drill = try drill(projects, relay, folders)
      do {
        isEqual = try await play(drill, seconds)
      } catch {
        await relay.stop()
        throw error
      }
      await relay.stop()
    } catch {
      await end(projects, folders)
      throw error
    }
    await end(projects, folders)
    story.say("\n\(DemoText.seconds(clock.now - start)) s in all. Nothing is left behind.\n")
    return isEqual
  }

  private func end(_ projects: [LocalProject], _ folders: [ClusterFolder]) async {
    for project in projects { await project.stop() }
    for folder in folders { await folder.remove() }
  }

  /// How long rows change, twice.
  private func seconds() throws -> Duration {
    guard let text = variables["DEMO_SECONDS"], !text.isEmpty else { return .seconds(10) }
    guard let seconds = Int(text), (1...86_400).contains(seconds) else {
      throw Demo.Stopped(
        description: "DEMO_SECONDS is a number of seconds from 1 to 86400, not \(text)")
    }
    return .seconds(seconds)
  }

  private func drill(
    _ projects: [LocalProject], _ relay: FaultRelay, _ folders: [ClusterFolder]
  ) throws -> Drill {
    let (n1, n2, n3) = (projects[0], projects[1], projects[2])
    let toN2 = DemoMirror(
      DemoMirror.Side(n1), DemoMirror.Side(n2, through: relay.url), folders[0].path,
      others: [
        "SYNC_MIRROR_NAME=n1-to-n2", "N3_SUPABASE_URL=\(n3.url)",
        "N3_SUPABASE_SERVICE_ROLE_KEY=\(n3.serviceKey)",
      ])
    let toN3 = DemoMirror(
      DemoMirror.Side(n1), DemoMirror.Side(n3), folders[1].path,
      others: ["SYNC_MIRROR_NAME=n1-to-n3"])
    for mirror in [toN2, toN3] { try mirror.configure(DemoTable.all) }
    return Drill(n1: n1, n2: n2, n3: n3, relay: relay, toN2: toN2, toN3: toN3)
  }

  private func play(_ drill: Drill, _ seconds: Duration) async throws -> Bool {
    try await story.step("Making the same tables in all three, and 50,000 rows in n1") {
      for project in [drill.n1, drill.n2, drill.n3] { try await project.sql(DemoTable.schema) }
      try await drill.n1.sql(DemoTable.touching)
      try await drill.n1.sql(DemoRows.seed)
      let migration = try await drill.toN2.migration()
      for project in [drill.n1, drill.n2, drill.n3] { try await project.sql(migration) }
    }
    let daemons = [try drill.toN2.startDaemon(), try drill.toN3.startDaemon()]
    do {
      try await mirror(drill, daemons, seconds)
    } catch {
      for daemon in daemons { await daemon.kill() }
      throw error
    }
    for daemon in daemons { await daemon.kill() }
    return try await recover(drill)
  }

  /// Until n3 has all that n1 ever had, and n2 has not.
  private func mirror(
    _ drill: Drill, _ daemons: [DemoDaemon], _ seconds: Duration
  ) async throws {
    try await story.step("Two daemons copy n1 to n2 and to n3") {
      for daemon in daemons { try await reach(daemon, "to copy and to be live") { $0.isReady } }
    }
    let writer = DemoWriter(drill.n1)
    do {
      try await story.step("Rows change at n1, and arrive on both") {
        await writer.start()
        try await clock.sleep(for: seconds)
        try await writer.check()
      }
      try await story.step("n2 is cut off, and n1 goes on changing") {
        await drill.relay.refuseConnections()
        await drill.relay.resetConnections()
        try await drill.n1.sql(Self.changes)
        try await clock.sleep(for: seconds)
        await writer.stop()
        try await writer.check()
        story.say(
          "     \(DemoText.grouped(await writer.changes)) rows changed in all, and then 7,600 at once\n"
        )
      }
    } catch {
      await writer.stop()
      throw error
    }
    try await story.step("n3 gets the last of them, and n1 dies") {
      let counts = DemoCounts(source: drill.n1, target: drill.n3)
      let end = try await counts.time()
      await counts.close()
      daemons[1].askForPass()
      try await reach(daemons[1], "until everything had arrived") { $0.hasAll(before: end) }
      await drill.n1.stop()
    }
  }

  /// What n2 lacks, has too much of, and has of old.
  private static let changes = """
    insert into customers select n, 'late' || n || '@example.org', 'late', 'FR', null, now(), now()
      from generate_series(2000001, 2005000) as n;
    update orders set status = 'sent "express"' where id in (select id from orders order by id limit 2000);
    delete from archive."Scanned documents" where "document id" in
      (select "document id" from archive."Scanned documents" order by 1 limit 600)
    """

  private func recover(_ drill: Drill) async throws -> Bool {
    try await drill.relay.acceptConnections()
    story.say("\n==> n2 is back: `supamirror recover --from N3 --delete-extra --yes`\n\n")
    let recovered = try await drill.toN2.run(["recover", "--from", "N3", "--delete-extra", "--yes"])
    story.say(indented(recovered))
    story.say("\n==> `supamirror verify`, from n3 to n2\n\n")
    let verified = try await drill.toN2.run(
      ["verify"],
      settings: [
        "SYNC_SOURCE_SUPABASE_URL": drill.n3.url,
        "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": drill.n3.serviceKey,
        // The state is that of another pair.
        "SYNC_STATE_PATH": "\(drill.toN2.folder)/n3-to-n2.json",
      ])
    story.say(indented(verified))
    return try await story.compare(drill.n3, drill.n2, other: "on n2")
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "     \($0)" }.joined(separator: "\n")
  }

  private func reach(
    _ daemon: DemoDaemon, _ purpose: String, _ isReached: (DemoStatus) -> Bool
  ) async throws {
    let start = clock.now
    while true {
      if let status = try await daemon.status(), isReached(status) { return }
      guard clock.now - start < .seconds(120) else {
        throw daemon.stopped("`supamirror run` took more than 120 s \(purpose)")
      }
      try await clock.sleep(for: .milliseconds(200))
    }
  }
}
