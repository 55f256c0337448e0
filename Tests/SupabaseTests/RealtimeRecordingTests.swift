import JSON
import Testing
import Transport

@testable import Supabase

/// The machine is held to what real servers sent.
@Suite struct RealtimeRecordingTests {
  @Test func `the recordings are there`() {
    #expect(Set(RealtimeRecording.all.map(\.name)).count >= 60)
    let texts = RealtimeRecording.all.flatMap(\.steps).count {
      if case .text = $0.step { true } else { false }
    }
    #expect(texts > 4_000)
  }

  @Test(arguments: RealtimeRecording.all)
  func `every recorded message is read`(recording: RealtimeRecording) throws {
    let bench = RealtimeReplay(recording).bench
    // One recording speaks the protocol of before, which names changes by their kinds; one asks for broadcasts.
    let allowed: Set<RealtimeOddity> =
      switch recording.name {
      case "old_style_topic", "broadcast_v2": [.unknownEvent, .binaryMessage]
      case "underscore_wildcard": [.otherTable]
      // The recorded client listened on after channels were refused or left, or tried topics of its own.
      case "odd_messages", "errors_v2", "join_bad_params", "duplicate_join", "full_session_v2":
        [.unknownTopic, .lateChange, .unknownEvent]
      default: []
      }
    let odd = Set(bench.machine.statistics.oddities.keys)
    #expect(odd.isSubset(of: allowed), "\(bench.machine.statistics.oddities)")
  }

  /// Read a second time by the tree parser: each change that a joined table's message holds is told, with the key as
  /// it stands there.
  @Test(arguments: RealtimeRecording.all)
  func `every recorded change is told with its key`(recording: RealtimeRecording) throws {
    let replay = RealtimeReplay(recording)
    let changes = replay.bench.events.compactMap { event -> FeedChange? in
      if case .change(let change, _, _) = event { change } else { nil }
    }
    let tables = Set(
      recording.steps.flatMap { step -> [TableName] in
        if case .join(let feed, _) = step.step { feed.tables.map(\.name) } else { [] }
      })
    var expected: [String] = []
    for text in replay.heard {
      let parts = try JSONNode(parsing: text).array ?? []
      guard parts[3].string == "postgres_changes", let data = parts[4]["data"],
        let table = data["table"]?.string, let schema = data["schema"]?.string,
        tables.contains(TableName(schema: schema, name: table))
      else { continue }
      expected.append("\(data["type"]?.string ?? "?") \(schema).\(table)")
    }
    let told = changes.map {
      let word =
        switch $0.kind {
        case .insert: "INSERT"
        case .update: "UPDATE"
        case .delete: "DELETE"
        }
      return "\(word) \($0.table)"
    }
    if replay.bench.machine.statistics.oddities[.lateChange] == nil { #expect(told == expected) }
    for change in changes where !change.hasErrors {
      #expect(change.commitTime != nil)
      #expect((change.key != nil) == (change.kind != .delete))
    }
  }

  @Test(arguments: [
    (
      "full_session_v2",
      [
        "subscribed room", "room: insert public.t_simple 1",
        "room: update public.t_simple 1 was 1", "room: delete public.t_second 1",
        // After the token was refreshed.
        "subscribed room again", "room: update public.t_simple 1 was 1",
        // Joined anew; the old join's phx_close and a leave with its reference mean nothing.
        "subscribed room", "room: update public.t_simple 1 was 1",
        "room: update public.t_simple 1 was 1",
        // Left, and joined once more.
        "subscribed room", "room: update public.t_simple 1 was 1", "disconnected: server",
      ]
    ),
    (
      "composite_key",
      [
        "subscribed room", "room: insert public.t_compk 1,10",
        "room: insert public.t_compk 2,10", "room: update public.t_compk 1,10 was 1,10",
        "room: update public.t_compk 3,10 was 2,10", "room: delete public.t_compk 1,10",
        "room: delete public.t_compk 3,10", "disconnected: server",
      ]
    ),
    (
      "replica_full",
      [
        "subscribed room", "room: insert public.t_full 1",
        "room: update public.t_full 1 was 1", "room: update public.t_full 2 was 1",
        "room: delete public.t_full 2", "disconnected: server",
      ]
    ),
    (
      "two_channels",
      [
        "subscribed one", "subscribed two", "one: insert public.t_simple 1",
        "two: insert public.t_simple 1", "two: insert public.t_second 1",
        "two: insert public.t_simple 2", "disconnected: server",
      ]
    ),
    (
      // txsecond fits the pattern t_second and t%nd, but was not asked for.
      "underscore_wildcard",
      ["subscribed room", "room: insert public.t_second 1", "disconnected: server"]
    ),
    (
      "too_large",
      [
        "subscribed room", "room: insert public.t_big 1 with errors",
        "room: update public.t_big 1 was 1", "room: insert public.t_big 2 with errors",
        "room: insert public.t_big 3 with errors", "room: insert public.t_big 4",
        "room: update public.t_big 4 was 4 with errors", "room: delete public.t_big 1",
        "disconnected: server",
      ]
    ),
    (
      "errors_v2",
      [
        "refused bad: table public.missing", "subscribed exp", "ended exp: token",
        "refused exp: token", "disconnected: server",
      ]
    ),
    (
      "token_expiry",
      [
        "subscribed room", "ended room: token", "refused room: token", "subscribed room",
        "disconnected: server",
      ]
    ),
    (
      "server_requested_disconnect", ["subscribed room", "disconnected: server"]
    ),
    (
      "server_stop_term",
      ["subscribed room", "room: insert public.t_simple 1", "disconnected: server"]
    ),
    ("join_partition_parent", ["refused case1: table public.t_part", "disconnected: server"]),
    (
      "limit_channels",
      [
        "subscribed c3", "ended c4: limit", "subscribed c2", "subscribed c1", "ended c5: limit",
        "subscribed c6", "disconnected: server",
      ]
    ),
    (
      // Closed with code 1000.
      "no_heartbeat",
      ["subscribed hb"] + (0...5).map { "hb: insert public.t_second \($0)" }
        + ["disconnected: server"]
    ),
    (
      "odd_names",
      [
        "subscribed room", "room: insert public.Weird Table 1",
        "room: update public.Weird Table 1 was 1", "room: insert public.t_part_1 1,1",
        "room: insert public.t_part_2 2,2",
        // A row that moves between partitions.
        "room: delete public.t_part_1 1,1", "room: insert public.t_part_2 1,2",
        "room: delete public.t_part_2 2,2", "room: delete public.t_part_2 1,2",
        "disconnected: server",
      ]
    ),
    (
      "privileges",
      [
        "subscribed room", "room: insert public.t_colpriv 1",
        "room: update public.t_colpriv 1 was 1", "room: update public.t_colpriv 1 was 1",
        "room: delete public.t_colpriv 1", "room: insert public.t_nogrant ? with errors",
        "room: update public.t_nogrant ? was ? with errors", "room: delete public.t_nogrant ?",
        "disconnected: server",
      ]
    ),
    ("limit_joins", ["ended late: limit", "disconnected: server"]),
  ])
  func `a recorded session is told as what it was`(name: String, events: [String]) throws {
    let recording = try #require(
      RealtimeRecording.all.first { $0.name == name }, "there is no \(name)")
    var bench = RealtimeReplay(recording).bench
    #expect(bench.takeEvents().filter { $0 != "connected" } == events)
  }

  @Test func `a changed publication is told as a second subscription`() throws {
    var bench = RealtimeReplay(try .named("publication_change")).bench
    let events = bench.takeEvents()
    #expect(
      events.filter { $0.hasPrefix("subscribed") }
        == ["subscribed room", "subscribed room again", "subscribed room again"])
    let inserts = events.count { $0.hasPrefix("room: insert public.t_second ") }
    let late = events.filter { $0.hasPrefix("room: insert public.t_late ") }
    #expect(inserts > 700)
    #expect(late.count >= 6 && inserts + late.count == 748)
  }

  @Test func `transactions of hundreds of rows are told row by row`() throws {
    var bench = RealtimeReplay(try .named("txn_500")).bench
    let name = "public.t_simple"
    let expected =
      (1...500).map { "room: insert \(name) \($0)" }
      + (1...250).map { "room: update \(name) \($0) was \($0)" }
      + (251...500).map { "room: delete \(name) \($0)" } + ["room: insert \(name) 1000"]
    #expect(bench.takeEvents().filter { $0.hasPrefix("room: ") } == expected)
  }

  @Test(arguments: [
    ("connect_errors", [401, 401, 401, 401, 401, 404, 403]),
    ("v2_78_15_connect_errors", [403]),
    ("tenant_suspended", [403]),
  ])
  func `recorded refusals of the handshake are told`(name: String, statuses: [Int]) {
    let recordings = RealtimeRecording.all.filter { $0.name == name }
    #expect(!recordings.isEmpty)
    var told: Set<Int> = []
    for recording in recordings {
      for step in recording.steps {
        guard case .end(.refused(let status)) = step.step else { continue }
        told.insert(status)
        var bench = RealtimeBench()
        bench.start([channel("room", "items")])
        bench.end(.refused(status: status))
        #expect(bench.takeEvents().first?.hasPrefix("disconnected: ") == true)
      }
    }
    #expect(told.isSuperset(of: statuses))
  }
}
