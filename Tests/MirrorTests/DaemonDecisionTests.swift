import Supabase
import Testing

@testable import Mirror

// When passes begin

private let a = TableName(name: "a")
private let b = TableName(name: "b")

/// A schedule whose first pass has ended, at ten seconds.
private func ended(
  _ interval: Duration?, isDone: Bool = true, took: Duration = .zero
) -> PassSchedule {
  var schedule = PassSchedule(interval: interval)
  _ = schedule.begin(at: .seconds(10) - took)
  schedule.end(nil, began: .seconds(10) - took, at: .seconds(10), isDone: isDone)
  return schedule
}

@Test(arguments: [nil, Duration.seconds(30)])
func `the first pass is whole and begins at once`(interval: Duration?) {
  var schedule = PassSchedule(interval: interval)
  #expect(schedule.wait(at: .zero, random: 1) == .zero)
  #expect(schedule.begin(at: .zero) == nil)
}

@Test(
  arguments: [
    // Regular ones.
    (Duration.seconds(30), [], .seconds(10), Duration.seconds(30)),
    (.seconds(30), [], .seconds(25), .seconds(15)),
    (.seconds(30), [], .seconds(50), .zero),
    (nil, [], .seconds(5000), nil),
    // Those that were asked for wait a moment for others.
    (.seconds(30), [PassNeed.all], .seconds(10), .milliseconds(250)),
    (.seconds(30), [.rows(a)], .seconds(11), .zero),
    (nil, [.rows(a)], .seconds(10), .milliseconds(250)),
    // And never put off the regular one.
    (.milliseconds(100), [.all], .seconds(10), .milliseconds(100)),
  ] as [(Duration?, [PassNeed], Duration, Duration?)])
func `the next pass begins`(
  interval: Duration?, needs: [PassNeed], now: Duration, wait: Duration?
) {
  var schedule = ended(interval)
  for need in needs { schedule.ask(for: need) }
  #expect(schedule.wait(at: now, random: 1) == wait)
}

@Test(
  arguments: [
    ([PassNeed.rows(a)], Duration.seconds(11), Set([a])),
    ([.rows(a), .rows(b), .rows(a)], .seconds(11), [a, b]),
    ([.rows(a), .all], .seconds(11), nil),
    // The regular one is due, and does for it.
    ([.rows(a)], .seconds(40), nil),
    ([], .seconds(40), nil),
  ] as [([PassNeed], Duration, Set<TableName>?)])
func `a pass is for`(needs: [PassNeed], now: Duration, tables: Set<TableName>?) {
  var schedule = ended(.seconds(30))
  for need in needs { schedule.ask(for: need) }
  #expect(schedule.begin(at: now) == tables)
  // It is met.
  schedule.end(tables, began: now, at: now, isDone: true)
  #expect(schedule.wait(at: now, random: 1)! > .seconds(1))
}

@Test
func
  `long passes that are asked for leave pauses of a quarter of their length, up to five seconds`()
{
  for (took, pause) in [
    (Duration.seconds(2), Duration.milliseconds(500)), (.seconds(40), .seconds(5)),
  ] {
    var schedule = ended(.seconds(30), took: took)
    schedule.ask(for: .all)
    #expect(schedule.wait(at: .seconds(10), random: 1) == pause)
  }
}

@Test func `passes of some tables do not put off that of all`() {
  var schedule = ended(.seconds(30))
  for second in 11..<40 {
    schedule.ask(for: .rows(a))
    #expect(schedule.begin(at: .seconds(second)) == [a])
    schedule.end([a], began: .seconds(second), at: .seconds(second), isDone: true)
  }
  #expect(schedule.wait(at: .seconds(40), random: 1) == .zero)
  schedule.ask(for: .rows(a))
  #expect(schedule.begin(at: .seconds(40)) == nil)
}

@Test(arguments: [nil, Duration.seconds(30)])
func `a pass that stopped is tried again, later and later`(interval: Duration?) {
  var schedule = ended(interval, isDone: false)
  var now = Duration.seconds(10)
  var waits: [Duration] = []
  for _ in 0..<12 {
    let wait = schedule.wait(at: now, random: 1)!
    waits.append(wait)
    now += wait
    #expect(schedule.begin(at: now) == nil)
    schedule.end(nil, began: now, at: now, isDone: false)
  }
  #expect(waits[0] == .seconds(1) && waits[1] == .seconds(2) && waits[2] == .seconds(4))
  #expect(waits.last == interval ?? .seconds(300))
  // Once it is done, what it was for is not asked for any more.
  now += schedule.wait(at: now, random: 1)!
  _ = schedule.begin(at: now)
  schedule.end(nil, began: now, at: now, isDone: true)
  #expect(schedule.wait(at: now, random: 1) == interval)
}

@Test func `what a partial pass that stopped was for is asked for again`() {
  var schedule = ended(.seconds(30))
  schedule.ask(for: .rows(a))
  _ = schedule.begin(at: .seconds(11))
  schedule.ask(for: .rows(b))
  schedule.end([a], began: .seconds(11), at: .seconds(11), isDone: false)
  #expect(schedule.begin(at: .seconds(12)) == [a, b])
}

// Which channels there are

private func plans(_ count: Int) throws -> [TablePlan] {
  try (1...count).map { number in
    let table = MemoryTable(
      "t\(number)", ["id": "bigint", "updated_at": "timestamp with time zone"])
    let description = TableDescription(name: table.name, columns: table.columns)
    return try TablePlan(
      TableConfiguration(
        name: table.name, primaryKeys: ["id"], incrementalFields: ["updated_at"]),
      source: description, target: description)
  }
}

@Test(arguments: [(1, 1), (79, 79), (80, 80), (81, 80), (500, 80)])
func `every table has a channel, as many as a server allows`(tables: Int, channels: Int) throws {
  let plans = try plans(tables)
  let plan = FeedPlan(plans, hasMarker: true)
  #expect(plan.channels.count == channels)
  #expect(Set(plan.channels.map(\.name)).count == channels)
  let sizes = plan.channels.map(\.tables.count)
  #expect(sizes.max()! - sizes.min()! <= 1)
  for channel in plan.channels {
    // Each is proven by itself.
    #expect(channel.tables.last?.name == Marker.table)
    #expect(channel.tables.count > 1)
  }
  for table in plans {
    let name = try #require(plan.channelOf[table.name])
    let own = plan.channels.first { $0.name == name }!.tables.first { $0.name == table.name }
    #expect(own?.columns == ["id"])
  }
  let bare = FeedPlan(plans, hasMarker: false)
  #expect(!bare.channels.contains { $0.tables.contains { $0.name == Marker.table } })
}

@Test func `no table, no channel`() { #expect(FeedPlan([], hasMarker: true).channels.isEmpty) }

@Test(arguments: [10, 80, 200])
func `who comes or goes changes no other's channel`(count: Int) throws {
  let plans = try plans(count + 1)
  let all = FeedPlan(Array(plans[...(count - 1)]), hasMarker: true)
  let fewer = FeedPlan(Array(plans[1..<count]), hasMarker: true, after: all)
  let changed = Set(all.channels).symmetricDifference(fewer.channels)
  #expect(Set(changed.map(\.name)) == [all.channelOf[plans[0].name]!])
  // Who comes takes the place that is free.
  let more = FeedPlan(Array(plans[1...]), hasMarker: true, after: fewer)
  #expect(more.channelOf[plans[count].name] == all.channelOf[plans[0].name])
  #expect(more.channels.count == all.channels.count)
  #expect(FeedPlan(Array(plans[1...]), hasMarker: true, after: more) == more)
}

// What is said of problems

@Test func `a problem is told once while it stands, whatever the numbers in it`() {
  var log = ProblemLog()
  let first = log.take(["3 rows are held", "down"], at: .zero)
  #expect(first.map(\.level) == [.warning, .warning])
  #expect(first[0].fields.first?.value == "3 rows are held")
  #expect(log.take(["4 rows are held", "down"], at: .seconds(30)).isEmpty)
  #expect(log.take(["5 rows are held", "other"], at: .seconds(60)).count == 1)
  #expect(log.take([], at: .seconds(90)).map(\.level) == [.info])
  #expect(log.take([], at: .seconds(120)).isEmpty)
}

@Test func `a problem that comes and goes is told a few times an hour, and then as it stands`() {
  var log = ProblemLog()
  var lines: [LogEvent] = []
  for minute in 0..<58 {
    lines += log.take(minute % 2 == 0 ? ["down"] : [], at: .seconds(minute * 60))
  }
  #expect(lines.count == 2 * ProblemLog.timesAnHour)
  #expect(log.take(["down"], at: .seconds(58 * 60)).isEmpty)
  #expect(log.take(["down"], at: .seconds(60 * 60)).count == 1)
  #expect(log.take(["down"], at: .seconds(61 * 60)).isEmpty)
  #expect(log.take([], at: .seconds(62 * 60)).count == 1)
}

// Sleeping

@Test func `an alarm wakes whoever sleeps, or comes to sleep`() async {
  let clock = SteppedClock()
  let alarm = Alarm(clock)
  await alarm.ring()
  await alarm.sleep()
  let sleeping = Task { await alarm.sleep() }
  await clock.wait { clock.sleepers == 1 }
  await alarm.ring()
  // Nobody sleeps from that moment on.
  #expect(clock.sleepers == 0)
  await sleeping.value
  let timed = Task { await alarm.sleep(atMost: .seconds(5)) }
  await clock.wait { clock.sleepers == 1 }
  #expect(clock.step(upTo: .seconds(5)))
  await timed.value
  let cancelled = Task { await alarm.sleep() }
  await clock.wait { clock.sleepers == 1 }
  cancelled.cancel()
  await cancelled.value
}
