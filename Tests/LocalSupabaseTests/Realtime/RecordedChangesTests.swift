import Testing

@testable import LocalSupabase

extension RealtimeDatabaseTests {
  static let replayed = [
    "types_num", "types_text", "types_time", "types_json", "types_arr", "types_user",
    "types_sample_v2", "toast_default", "filter_on_toast", "too_large", "replica_default",
    "replica_full", "replica_nothing", "composite_key", "truncate_table", "odd_names", "privileges",
    "rls", "rls_v2", "filters", "wildcards", "underscore_wildcard", "two_channels", "txn_500",
    "batch_commits_300", "poison_row", "poison_drop_table", "publication_row_filter",
    "publication_via_partition_root", "join_partition_parent", "join_bad_params", "warm_join_v1",
    "v2_78_15_types_text", "v2_78_15_rls",
  ]

  /// What descriptions in place of statements mean.
  private static let described = [
    "300 x autocommit insert into t_second":
      (0..<300).map { "begin; insert into t_second values (\($0), 'c\($0)'); commit;" }.joined(),
    "BEGIN; insert 300 rows into t_second; insert the poison row; COMMIT":
      #"""
    begin; insert into t_second select g, 'x' from generate_series(1000, 1299) g;
    insert into ty_json(id, c_json) values (2, '{"nul":"\u0000"}'); commit
    """#,
  ]

  private static let before = [
    "publication_row_filter": "alter publication supabase_realtime drop table public.t_trunc"
  ]
  @Test(arguments: replayed)
  func `what a recorded session was told, byte for byte`(_ name: String) async throws {
    var recording = try RealtimeRecording(name)
    try recording.useIDs(of: name)
    let database = try await RealtimeDatabase.shared()
    try await database.reset()
    if let sql = Self.before[name] { try await database.run(sql) }
    let box = DeliveryBox<ChangeDelivery>()
    let poller = ChangePoller(dsn: database.dsn, options: .quick) { await box.add($0) }

    var numbers: [String: Int] = [:]
    var next = 0
    for (step, expected) in zip(recording.steps, recording.events) {
      switch step {
      case .join(let join):
        if let old = numbers[join.channel] { await poller.unsubscribe(channel: old) }
        next += 1
        numbers[join.channel] = next
        let message = await poller.subscribe(
          channel: next, join.subscriptions, claims: join.claims)
        #expect(message == join.error)
        if join.error == nil { try await database.waitForPoll() }
      case .leave(let who):
        for (channel, number) in numbers where channel == who || channel.hasPrefix(who) {
          await poller.unsubscribe(channel: number)
          numbers[channel] = nil
        }
      case .sql(let statements):
        let script = statements.map { Self.described[$0] ?? $0 }.joined(separator: ";\n")
        // Some were recorded to fail.
        _ = try? await database.run(script)
        // What fails a poll ends the slot.
        if script.contains("\\u0000") { try await database.waitForNoSlot() }
        if !numbers.isEmpty { try await database.waitForPoll() }
      }
      let told = await box.first(expected.count)
      await box.removeFirst(told.count)
      let events = told.map { delivery in
        RealtimeRecording.Event(
          channel: numbers.first { $0.value == delivery.channel }?.key ?? "",
          ids: delivery.ids,
          data: RealtimeRecording.withoutTime(String(decoding: delivery.data, as: UTF8.self)))
      }
      // Between channels there is no order.
      for channel in Set((expected + events).map(\.channel)) {
        let found = events.filter { $0.channel == channel }
        let recorded = expected.filter { $0.channel == channel }
        for (one, other) in zip(found, recorded) where one != other {
          Issue.record("\(String(describing: one).prefix(3_000))\nis not\n\(other)")
        }
        #expect(found.count == recorded.count)
      }
    }
    await poller.stop()
    #expect(await box.elements.isEmpty)
    try await database.waitForNoSlot()
  }
}

/// In turns, since they share one slot's name.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RealtimeDatabaseTests {}
