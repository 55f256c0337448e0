import JSON
import Testing
import Transport

@testable import LocalSupabase

extension RealtimeDatabaseTests {
  private static let service = SubscriptionClaims(
    role: "service_role", json: #"{"role":"service_role"}"#)

  private static func binding(
    _ table: String, _ id: Int, filter: String? = nil, select: [String]? = nil
  ) -> Subscription {
    Subscription(
      event: "*", schema: "public", table: table, filter: filter, select: select, id: id)
  }

  /// A poller with what it delivered.
  private struct Bench {
    let box = DeliveryBox<ChangeDelivery>()
    let messages = DeliveryBox<String>()
    let database: RealtimeDatabase
    let poller: ChangePoller

    init(_ options: RealtimeOptions = .quick) async throws {
      let database = try await RealtimeDatabase.shared()
      try await database.reset()
      let (box, messages) = (box, messages)
      self.database = database
      poller = ChangePoller(
        dsn: database.dsn, options: options,
        resubscribed: { channel, message in
          await messages.add(["\(channel) \(message ?? "ok")"])
        },
        deliver: { await box.add($0) })
    }

    /// The records of the first deliveries, which are taken away.
    func records(_ count: Int) async throws -> [String] {
      let found = await box.first(count)
      await box.removeFirst(count)
      return try found.map { delivery in
        let data = try JSONNode(parsing: delivery.data)
        let names = data["record"]?.members?.map(\.name) ?? []
        return "\(delivery.channel) \(delivery.ids) \(data["record"]?["id"]?.int ?? -1) "
          + names.joined(separator: ",")
      }
    }

    /// Inserts rows into `t_second`, one after the other, until one is delivered; returns which.
    func insertUntilDelivered(from first: Int) async throws -> Int {
      var id = first
      while await box.elements.isEmpty {
        do {
          try await database.run("insert into t_second values (\(id), 'x')")
          id += 1
          await Task.yield()
        } catch is PostgresError { await Task.yield() }
      }
      let delivery = await box.elements[0]
      let data = try JSONNode(parsing: delivery.data)
      return try #require(data["record"]?["id"]?.int)
    }

    func stop() async throws {
      await poller.stop()
      try await database.waitForNoSlot()
    }
  }

  @Test func `each list of columns gets a delivery of its own, and keys are always in it`()
    async throws
  {
    let bench = try await Bench()
    let message = await bench.poller.subscribe(
      channel: 1,
      [
        Self.binding("t_simple", 1), Self.binding("t_simple", 2, select: ["name"]),
        Self.binding("t_simple", 3), Self.binding("t_simple", 4, select: ["n"]),
      ], claims: Self.service)
    #expect(message == nil)
    #expect(
      await bench.poller.subscribe(
        channel: 2, [Self.binding("t_simple", 5, select: ["nope"])], claims: Self.service)?
        .hasSuffix(
          #"select: ["nope"]]. Exception: ERROR P0001 (raise_exception) invalid column for select nope"#
        ) == true)
    try await bench.database.waitForPoll()
    try await bench.database.run("insert into t_simple values (1, 'a', 2, null)")
    #expect(
      try await bench.records(3) == [
        "1 [3, 1] 1 n,id,name,updated_at", "1 [4] 1 n,id", "1 [2] 1 id,name",
      ])
    try await bench.stop()
  }

  @Test(arguments: [
    ("n=is.true", "is true filter requires a boolean column, got integer"),
    ("n=is.x", "invalid value for is filter: must be null, true, false, or unknown"),
    ("n=like.x", "operator like is not supported on column n of type integer"),
    ("name=match.(", "invalid regular expression for match filter: invalid regular expression"),
    ("n=in.(1,x)", #"invalid input syntax for type integer: "x""#),
  ]) func `a filter that could not be evaluated is refused`(_ filter: String, _ reason: String)
    async throws
  {
    let bench = try await Bench()
    let message = await bench.poller.subscribe(
      channel: 1, [Self.binding("t_simple", 1, filter: filter)], claims: Self.service)
    #expect(message?.contains(reason) == true, "\(message ?? "ok")")
    try await bench.stop()
  }

  @Test(arguments: [
    ("name=ilike.A%", [1]), ("name=match.^a", [1]), ("name=imatch.^A", [1]),
    ("name=isdistinct.abc", [2, 3]), ("name=not.isdistinct.abc", [1]), ("name=is.null", [3]),
    ("name=not.is.null", [1, 2]), ("name=not.in.(abc,x)", [2]), ("name=not.like.a%", [2]),
    ("n=gte.2,n=lte.2", [2]), (#"name=eq."b,c""#, [2]),
  ]) func `filters choose rows`(_ filter: String, _ rows: [Int]) async throws {
    let bench = try await Bench()
    let message = await bench.poller.subscribe(
      channel: 1, [Self.binding("t_simple", 1, filter: filter), Self.binding("t_trunc", 2)],
      claims: Self.service)
    #expect(message == nil)
    try await bench.database.waitForPoll()
    try await bench.database.run(
      """
      insert into t_simple(id, name, n) values (1, 'abc', 1), (2, 'b,c', 2), (3, null, 3);
      insert into t_trunc values (9)
      """)
    let records = try await bench.records(rows.count + 1)
    #expect(records.map { $0.split(separator: " ")[2] } == rows.map { "\($0)" } + ["9"])
    try await bench.stop()
  }

  @Test func `events above the limit are thrown away, and later ones are not`() async throws {
    var options = RealtimeOptions.quick
    options.maxEventsPerSecond = 100
    options.eventRateTick = .milliseconds(50)
    let bench = try await Bench(options)
    _ = await bench.poller.subscribe(
      channel: 1, [Self.binding("t_second", 1)], claims: Self.service)
    try await bench.database.waitForPoll()
    try await bench.database.run(
      "insert into t_second select g, 'x' from generate_series(1, 300) g")
    _ = try await bench.records(300)
    // What is committed until the next tick is delivered too.
    var next = 1_000
    var lost = 0
    while lost < 5 {
      try await bench.database.run("insert into t_second values (\(next), 'y')")
      try await bench.database.waitForPoll()
      next += 1
      lost = next - 1_000 - (await bench.box.elements.count)
    }
    await bench.box.removeFirst(await bench.box.elements.count)
    let first = try await bench.insertUntilDelivered(from: 100_000)
    #expect(first > 100_000)
    try await bench.stop()
  }

  @Test func `a restart of the database is survived, with a slot from then on`() async throws {
    let bench = try await Bench()
    _ = await bench.poller.subscribe(
      channel: 1, [Self.binding("t_second", 1)], claims: Self.service)
    try await bench.database.waitForPoll()
    await bench.database.cluster.stopServer()
    try await bench.database.cluster.startServer()
    _ = try await bench.insertUntilDelivered(from: 1)
    try await bench.stop()
  }

  @Test func `after enough failures it gives up in silence, until somebody subscribes anew`()
    async throws
  {
    var options = RealtimeOptions.quick
    options.retryBackoff = .milliseconds(1)...Duration.milliseconds(2)
    options.givesUpAfter = 2
    let bench = try await Bench(options)
    let binding = [Self.binding("t_second", 1)]
    _ = await bench.poller.subscribe(channel: 1, binding, claims: Self.service)
    try await bench.database.waitForPoll()
    // Every slot but the poller's is taken; then its own is.
    try await bench.database.run(
      "select pg_create_physical_replication_slot('filler_' || g) from generate_series(1, 9) g")
    while true {
      try await bench.database.run(
        """
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'realtime_rls'
        """)
      let sql = "select pg_create_physical_replication_slot('filler_10')"
      if (try? await bench.database.run(sql)) != nil { break }
    }
    while await bench.poller.isAtWork { await Task.yield() }
    try await bench.database.run(
      "select pg_drop_replication_slot('filler_' || g) from generate_series(1, 10) g")

    _ = await bench.poller.subscribe(channel: 2, binding, claims: Self.service)
    try await bench.database.waitForPoll()
    try await bench.database.run("insert into t_second values (1, 'x')")
    #expect(try await bench.records(1) == ["2 [1] 1 id,name"])
    try await bench.stop()
    #expect(await bench.box.elements.isEmpty)
  }

  @Test func `a changed publication makes subscriptions anew and says so`() async throws {
    var options = RealtimeOptions.quick
    options.publicationCheckInterval = .milliseconds(20)
    let bench = try await Bench(options)
    let wildcard = Subscription(
      event: "*", schema: "public", table: nil, filter: nil, select: nil, id: 1)
    _ = await bench.poller.subscribe(channel: 1, [wildcard], claims: Self.service)
    _ = await bench.poller.subscribe(
      channel: 2, [Self.binding("t_trunc", 2)], claims: Self.service)
    try await bench.database.waitForPoll()
    // The list is read once before it changes.
    while try await bench.database.run(
      """
      select from pg_stat_activity where application_name = 'realtime_subscription_manager'
        and query like '%order by 1, 2%'
      """
    ).isEmpty { await Task.yield() }
    try await bench.database.run("alter publication supabase_realtime add table t_late")
    #expect(await bench.messages.first(2) == ["1 ok", "2 ok"])
    try await bench.database.run("insert into t_late values (1)")
    #expect(try await bench.records(1) == ["1 [1] 1 v,id"])
    try await bench.database.run("alter publication supabase_realtime drop table t_trunc")
    let told = await bench.messages.first(4).suffix(2)
    #expect(
      told == [
        "1 ok",
        "2 Unable to subscribe to changes with given parameters. Please check Realtime is enabled "
          + "for the given connect parameters: "
          + "[event: *, schema: public, table: t_trunc, filters: [], select: nil]",
      ])
    try await bench.stop()
  }

  @Test func `times follow the session's time zone, but for the commit's`() async throws {
    let bench = try await Bench()
    try await bench.database.run("alter role postgres set timezone to 'Asia/Kolkata'")
    _ = await bench.poller.subscribe(
      channel: 1, [Self.binding("ty_time", 1)], claims: Self.service)
    try await bench.database.waitForPoll()
    let before = WallClock.system.now()
    try await bench.database.run(
      "insert into ty_time(id, c_timestamptz) values (1, '2024-01-01 00:00:00.5+00')")
    let data = try JSONNode(parsing: try #require(await bench.box.first(1).first).data)
    #expect(data["record"]?["c_timestamptz"]?.string == "2024-01-01T05:30:00.5+05:30")
    let time = try #require(data["commit_timestamp"]?.string)
    let microseconds = try await bench.database.run(
      "select (extract(epoch from '\(time)'::timestamptz) * 1000000)::bigint")[0][0]
    let distance = (microseconds.flatMap { Int64($0) } ?? 0) - before
    #expect(abs(distance) < 60_000_000)
    try await bench.database.run("alter role postgres reset timezone")
    try await bench.stop()
  }

  @Test func `a poll that takes too long loses its changes, and later ones come`() async throws {
    var options = RealtimeOptions.quick
    options.pollTimeout = .milliseconds(150)
    let bench = try await Bench(options)
    _ = await bench.poller.subscribe(
      channel: 1, [Self.binding("t_second", 1)], claims: Self.service)
    try await bench.database.waitForPoll()
    try await bench.database.run(
      "insert into t_second select g, 'x' from generate_series(1, 100000) g")
    let first = try await bench.insertUntilDelivered(from: 1_000_000)
    #expect(first >= 1_000_000)
    try await bench.stop()
  }
}
