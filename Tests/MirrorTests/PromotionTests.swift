import JSON
import Mirror
import Supabase
import Testing
import Transport

@Suite struct PromotionTests {
  /// Items that were copied, sequences on both sides.
  private func world(_ count: Int = 5) async -> World {
    let world = await World.copied(count)
    await world.source.change { $0.installSequences([SequenceState("items", last: Int64(count))]) }
    await world.target.change { $0.installSequences([SequenceState("items", last: 0)]) }
    return world
  }

  private func promote(
    _ world: World, dryRun: Bool = false, acceptLoss: Bool = false,
    _ change: (inout Promotion.Circumstances) -> Void = { _ in }
  ) async throws -> PromotionReport {
    var options = Promotion.Options()
    options.isDryRun = dryRun
    options.acceptsLoss = acceptLoss
    var circumstances = Promotion.Circumstances()
    change(&circumstances)
    let clock = world.clock
    return await Promotion(
      settings: world.settings, tables: world.tables, source: world.source, target: world.target,
      store: try StateStore(world.storage, identity: World.identity), options: options,
      circumstances: circumstances,
      clock: HastyClock { time in world.wait(Int64(time / .microseconds(1))) },
      now: { clock.withLock { $0 } }
    ).run()
  }

  private func breakDown(_ project: MemoryProject) async {
    await project.change { $0.before = { project, _ in project.failure(.cannotConnect) } }
  }

  private func writes(_ world: World) async -> Int {
    await (world.source.requests + world.target.requests).count {
      $0.isWrite
        || ["sync_raise_sequences", "sync_register_mirror", "sync_mark_processed"]
          .contains($0.function)
    }
  }

  @Test func `what the source still has arrives, and sequences are past it`() async throws {
    let world = await world()
    world.wait(minute)
    await world.fill(6...9)
    await world.source.change { $0.sequences = [SequenceState("items", last: 12)] }
    let report = try await promote(world)
    #expect(report.isPromoted, "\(report.obstacles)")
    #expect(report.exitCode == .clean)
    await world.expectEqual()
    #expect(await world.target.given("items") == 1_012)
    #expect(report.phases.map(\.phase) == PromotionPhase.allCases)
  }

  @Test func `a second promotion changes nothing more`() async throws {
    let world = await world()
    #expect(try await promote(world).isPromoted)
    #expect(try await promote(world).isPromoted)
    #expect(await world.target.given("items") == 1_005)
  }

  @Test func `a dry run writes nothing and says what it would do`() async throws {
    let world = await world()
    world.wait(minute)
    await world.fill(6...9)
    await world.source.forgetRequests()
    await world.target.forgetRequests()
    let saves = world.storage.saves
    let report = try await promote(world, dryRun: true)
    #expect(await writes(world) == 0)
    #expect(world.storage.saves == saves)
    #expect(await world.target.given("items") == 0)
    // It sees that four rows are missing.
    #expect(report.standing.map(\.phase) == [.verify])
    #expect(report.phases.map(\.phase) == PromotionPhase.allCases)
    #expect(report.goals.map(\.value) == [1_005])
    #expect(report.exitCode == .incomplete)
  }

  @Test func `a daemon that runs is in the way, whatever is accepted`() async throws {
    let world = await world()
    await world.target.forgetRequests()
    let report = try await promote(world, acceptLoss: true) { $0.holder = "process 77" }
    #expect(!report.isPromoted)
    #expect(report.exitCode == .incomplete)
    #expect(report.standing.first?.sentence.contains("process 77") == true)
    #expect(await world.target.requests.isEmpty)
    let dry = try await promote(world, dryRun: true) { $0.holder = "process 77" }
    #expect(dry.standing.count == 1 && dry.phases.count == PromotionPhase.allCases.count)
  }

  @Test func `rows that keep coming are in the way, and are lost where that is accepted`()
    async throws
  {
    for accepted in [false, true] {
      let world = await world()
      let next = Locked(100)
      await world.source.change { source in
        source.before = { source, request in
          if request.kind == .catalogue {
            let id = next.withLock { id in
              id += 1
              return id
            }
            source.put("items", [int(id), time(source.clock.withLock { $0 }), text("new")])
          }
          return nil
        }
      }
      let report = try await promote(world, acceptLoss: accepted)
      #expect(report.obstacles.contains { $0.sentence.contains("stop whatever writes") })
      #expect(report.isPromoted == accepted)
      #expect(await (world.target.given("items") == 0) == !accepted)
    }
  }

  @Test func `tables that differ are in the way, each by its name`() async throws {
    let world = await world()
    await world.target.change { target in
      target.put("items", [int(77), time(noon), text("only here")])
    }
    let report = try await promote(world)
    #expect(report.exitCode == .incomplete)
    #expect(report.standing.count == 1)
    #expect(
      report.standing.first?.sentence == "public.items: 1 rows extra, on the target only"
    )
    #expect(await world.target.given("items") == 0)
    let accepted = try await promote(world, acceptLoss: true)
    #expect(accepted.isPromoted && accepted.accepted.count == 1)
    #expect(await world.target.given("items") == 1_077)
  }

  @Test func `refused rows are in the way and are listed`() async throws {
    let world = await world()
    await world.target.change { target in
      target.rule = { _, row in row["id"] == int(6) ? .refuse("23514") : .accept }
    }
    world.wait(minute)
    await world.fill(6...6)
    let report = try await promote(world)
    #expect(!report.isPromoted)
    #expect(report.standing.contains { $0.phase == .drain && $0.sentence.contains("quarantine") })
    let accepted = try await promote(world, acceptLoss: true)
    #expect(accepted.isPromoted)
    #expect(accepted.rest.contains { $0.contains("1 rows that the target refused") })
  }

  @Test func `a transaction that is open at the source is in the way`() async throws {
    let world = await world()
    await world.source.change { $0.running = [noon - hour] }
    let report = try await promote(world)
    #expect(report.standing.map(\.phase) == [.drain])
    #expect(report.standing.first?.sentence.contains("began 3,600 seconds ago") == true)
  }

  @Test func `without the source nothing is promoted before the loss is accepted`() async throws {
    let world = await world()
    await breakDown(world.source)
    world.wait(90 * second)
    let report = try await promote(world)
    #expect(!report.isPromoted)
    #expect(report.exitCode == .project)
    #expect(report.standing.allSatisfy { $0.isAcceptable })
    #expect(report.standing.contains { $0.sentence.contains("in its last 90 seconds may be lost") })
    #expect(await world.target.given("items") == 0)

    let accepted = try await promote(world, acceptLoss: true)
    #expect(accepted.isPromoted)
    #expect(accepted.exitCode == .clean)
    #expect(accepted.accepted.contains { $0.sentence.contains("may be lost") })
    #expect(await world.target.given("items") == 1_005)
  }

  @Test func `without the target nothing can be promoted`() async throws {
    let world = await world()
    await breakDown(world.target)
    let report = try await promote(world, acceptLoss: true)
    #expect(!report.isPromoted)
    #expect(report.exitCode == .project)
  }

  @Test func `a target without the functions is in the way`() async throws {
    let world = await world()
    await world.target.change { $0.functions.subtract(["sync_sequences", "sync_raise_sequences"]) }
    let report = try await promote(world, acceptLoss: true)
    #expect(!report.isPromoted)
    #expect(report.standing.count == 2)
  }

  @Test func `a source without the functions is told, and the keys count`() async throws {
    let world = await world()
    await world.source.change { $0.functions.subtract(["sync_sequences"]) }
    #expect(try await promote(world).isPromoted)
    #expect(await world.target.given("items") == 1_005)
  }

  @Test func `a sequence that could not be raised is in the way, whatever is accepted`()
    async throws
  {
    let world = await world()
    await world.target.change { $0.raiseProblem = "it is in use" }
    let report = try await promote(world, acceptLoss: true)
    #expect(!report.isPromoted)
    #expect(report.standing.contains { $0.phase == .sequences && $0.sentence.contains("in use") })
  }

  @Test func `a column that has no sequence on the target is in the way`() async throws {
    let world = await world()
    await world.target.change { $0.sequences = [] }
    let report = try await promote(world)
    #expect(report.standing.map(\.phase) == [.sequences])
    #expect(report.standing.first?.sentence.hasPrefix("public.items.id takes its values") == true)
  }

  @Test func `a state that was never written is in the way`() async throws {
    let world = await world()
    let report = try await promote(world) { $0.hasState = false }
    #expect(report.standing.map(\.phase) == [.survey])
  }

  @Test func `triggers that only the target has switched off are to be switched on`() async throws {
    let world = await world()
    let items = TableName(name: "items")
    await world.target.change {
      $0.disabledTriggers = ["stamp", "old"].map { DisabledTrigger(table: items, name: $0) }
    }
    await world.source.change {
      $0.disabledTriggers = [DisabledTrigger(table: items, name: "old")]
    }
    let report = try await promote(world)
    #expect(report.isPromoted)
    #expect(report.triggers == [#"alter table "public"."items" enable trigger "stamp";"#])
    #expect(report.rest.contains("the triggers above are still disabled"))
  }

  @Test func `the report is JSON, and text with every obstacle`() async throws {
    let world = await world()
    await world.target.change { $0.put("items", [int(77), time(noon), text("x")]) }
    let report = try await promote(world)
    let node = try JSONNode(parsing: Array(report.json.utf8))
    #expect(node["promoted"]?.bool == false && node["exitCode"]?.int == 1)
    #expect(node["obstacles"]?.array?.count == 1)
    #expect(
      PromotionText.phase(.verify, report).contains(
        "STANDS IN THE WAY: public.items: 1 rows extra, on the target only"))
    #expect(
      PromotionText.verdict(report)
        == "Not promoted: 1 thing stands in the way; --accept-loss goes on all the same.\n")
    let promoted = try await promote(world, acceptLoss: true)
    let sequence = try JSONNode(parsing: Array(promoted.json.utf8))["sequences"]?.array?[0]
    #expect(sequence?["is"]?.int == 1_077 && sequence?["was"]?.int == 0)
    #expect(
      PromotionText.verdict(promoted)
        == "Promoted: the target may be written to now. 1 loss was accepted.\n")
  }
}

@Suite struct ReverseMirrorTests {
  private static let settings: Settings = {
    var settings = Settings(
      source: Project(
        role: "source", url: ProjectURL("https://aaaaaaaaaaaaaaaaaaaa.supabase.co")!,
        key: ServiceKey("sb_secret_source")),
      target: Project(
        role: "target", url: ProjectURL("https://bbbbbbbbbbbbbbbbbbbb.supabase.co")!,
        key: ServiceKey("sb_secret_target")))
    settings.statePath = "/var/lib/supamirror/state.json"
    settings.lookback = .seconds(7)
    settings.deletes = false
    settings.caFile = "/ca.pem"
    return settings
  }()

  @Test func `the way back has source and target exchanged, a name and a state of its own`() throws
  {
    let reverse = ReverseMirror(Self.settings, name: "a-to-b", environmentPath: ".env.sync")
    let file = EnvironmentFile(Array(reverse.environment.utf8), path: "reverse")
    var filled: [String: String] = [:]
    for role in ["SOURCE", "TARGET"] {
      filled["SYNC_\(role)_SUPABASE_SERVICE_ROLE_KEY"] = "sb_secret_x"
    }
    let settings = try Settings.read(environment: filled, file: file)
    #expect(settings.source.url == Self.settings.target.url)
    #expect(settings.target.url == Self.settings.source.url)
    #expect(settings.mirrorName == "a-to-b-reverse")
    #expect(settings.statePath == "/var/lib/supamirror/state-reverse.json")
    #expect(settings.initialBackfill == .all)
    #expect(settings.lookback == .seconds(7) && !settings.deletes && settings.caFile == "/ca.pem")
    #expect(settings.batchSize == Self.settings.batchSize)
  }

  @Test func `no key is in it`() {
    let reverse = ReverseMirror(Self.settings, name: "a-to-b", environmentPath: ".env.sync")
    let text = reverse.environment + reverse.commands.joined()
    #expect(!text.contains("sb_secret"))
    #expect(text.contains("SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY has in .env.sync"))
  }

  @Test func `there and back again are the first name and state`() {
    var settings = Self.settings
    let long = String(repeating: "n", count: 63)
    #expect(
      ReverseMirror(settings, name: long, environmentPath: "").environment
        .contains("SYNC_MIRROR_NAME=\(String(repeating: "n", count: 55))-reverse\n"))
    settings.statePath = "/s-reverse.json"
    let back = ReverseMirror(settings, name: "a-to-b-reverse", environmentPath: "").environment
    #expect(back.contains("SYNC_MIRROR_NAME=a-to-b\n"))
    #expect(back.contains("SYNC_STATE_PATH=/s.json\n"))
  }
}

@Suite struct KnownLossTests {
  private let table = TableName(name: "items")

  private func status(_ change: (inout MirrorStatus) -> Void) -> MirrorStatus {
    var status = MirrorStatus(
      version: "1", mirror: "m", source: ProjectStatus(url: ""), target: ProjectStatus(url: ""),
      startedAt: noon - day, takenAt: noon, feed: FeedStatus(state: .live, since: noon - day),
      pass: PassStatus(), tables: [TableStatus(name: table, feed: .live)], lagLimit: .seconds(60))
    change(&status)
    return status
  }

  private func proven(_ change: (inout MirrorStatus) -> Void) -> Int64? {
    KnownLoss([table], states: [:], status: status(change)).provenAt
  }

  @Test func `the last marker row, or the start of the last pass, proves what came before it`() {
    let marker = LagSample(time: noon - 10 * second, lag: .seconds(2))
    #expect(proven { _ in } == nil)
    #expect(proven { $0.lags = [marker] } == noon - 12 * second)
    #expect(
      proven {
        $0.pass.lastClean = noon - 5 * second
        $0.pass.lastElapsed = .seconds(3)
      } == noon - 8 * second)
    #expect(
      proven {
        $0.lags = [marker]
        $0.pass.lastClean = noon - 5 * second
        $0.pass.lastElapsed = .seconds(3)
      } == noon - 8 * second)
    #expect(
      proven {
        $0.lags = [marker]
        $0.feed.gapSince = noon - minute
      } == noon - minute)
  }

  @Test func `what is known to be missing is counted`() {
    var state = TableState(field: "updated_at", keyColumns: ["id"])
    state.checkpoint = time(noon - minute)
    state.quarantine[RowKey([int(1)])] = QuarantinedRow(code: "23514", reason: "no", since: noon)
    state.heldDeletes = 3
    let other = TableName(name: "others")
    let loss = KnownLoss(
      [table, other], states: [table: state], status: status { $0.tables[0].waiting = 7 })
    #expect(loss.provenAt == noon - minute && loss.proof == "the newest checkpoint")
    let text = loss.sentences(now: noon).joined(separator: "\n")
    for part in [
      "in its last 60 seconds may be lost", "7 changed keys", "1 rows had been refused",
      "3 deletes were held", "never copied to the end: public.others",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }
}
