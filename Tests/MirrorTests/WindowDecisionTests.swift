import JSON
import Supabase
import Testing

@testable import Mirror

private func field(_ kind: IncrementalField.Kind) -> IncrementalField {
  IncrementalField(column: "at", kind: kind, isNullable: false)
}

private func key(_ id: Int) -> RowKey { RowKey([int(id)]) }

@Test(
  arguments: [
    (.timestampWithTimeZone, "\"2024-06-01T12:00:00.123456+00:00\"", noon - 7 + 123_456, true),
    // The same moment in another session's zone.
    (.timestampWithTimeZone, "\"2024-06-01T14:00:00.123456+02:00\"", noon - 7 + 123_456, true),
    (.timestamp, "\"2024-06-01T12:00:00.123456\"", noon - 7 + 123_456, true),
    // A clock of milliseconds may have shown it twice, and coarser ones.
    (.timestampWithTimeZone, "\"2024-06-01T12:00:00.123+00:00\"", noon - 7 + 123_000, false),
    (.timestampWithTimeZone, "\"2024-06-01T12:00:00+00:00\"", noon - 7, false),
    (.timestamp, "\"2024-06-01T12:00:00\"", noon - 7, false),
    (.timestampWithTimeZone, "\"infinity\"", nil, false),
    (.timestampWithTimeZone, "\"-infinity\"", nil, false),
    (.timestampWithTimeZone, "null", nil, false),
    // A value from before the column's type was changed.
    (.timestampWithTimeZone, "\"2024-06-01T12:00:00.123456\"", nil, false),
    (.date, "\"2024-06-01\"", nil, false),
    (.integer(least: .min), "123456", nil, false),
  ] as [(IncrementalField.Kind, String, Int64?, Bool)])
func `a version is a moment, and exact where no clock shows it twice`(
  kind: IncrementalField.Kind, token: String, version: Int64?, isExact: Bool
) {
  let found = field(kind).version(of: raw(token))
  #expect(found?.time == version && (found?.isExact ?? false) == isExact)
}

@Test(
  arguments: [
    ("2024-06-01T12:00:00.000001+00:00", 1, true),
    ("2024-06-01T12:00:00.000001+00:00", 0, false),
    ("2024-06-01T12:00:00.001+00:00", 1_000_000, false),
    ("2024-06-01T12:00:00.001+00:00", 1_000_001, true),
    ("2024-06-01T12:00:01+00:00", 59 * second, false),
    ("2024-06-01T12:00:01+00:00", 61 * second, true),
    ("2024-06-01T12:01:00+00:00", 59 * minute, false),
    ("2024-06-01T12:01:00+00:00", 61 * minute, true),
    // The start of an hour, a day or a month somewhere.
    ("2024-06-01T12:45:00+00:00", 31 * day, false),
    ("2024-06-01T12:45:00+00:00", 41 * day, true),
  ] as [(String, Int64, Bool)])
func `a stamp is over once no transaction that still runs can have it`(
  text: String, after: Int64, isOver: Bool
) throws {
  let stamp = try #require(TimeText.microseconds(text))
  #expect(StampPrecision(of: stamp).isOver(for: stamp, at: stamp + after) == isOver)
  let version = RowVersion(time: stamp)
  #expect(version.isSettled(at: stamp + after) == (isOver || version.isExact))
  let held = HeldCheckpoint(
    checkpoint: JSONToken(string: text), field(.timestampWithTimeZone), horizon: stamp + after)
  // Batches of rows may share a coarse stamp and come one after the other.
  #expect(held?.isPassed == (isOver && version.isExact))
  #expect(
    HeldCheckpoint(
      checkpoint: JSONToken(string: text), field(.timestamp), horizon: stamp + after) == nil)
}

@Test func `a memory knows a row by key and version, until it is forgotten`() {
  var memory = WindowMemory()
  memory.know(key(1), 10)
  #expect(!memory.knows(key(1), 10), "nothing is kept before a pass has begun")
  memory.keep(from: 0)
  memory.know(key(1), 10)
  memory.know(RowKey([text("1"), text("2")]), 10)
  #expect(memory.knows(key(1), 10) && !memory.knows(key(1), 11) && !memory.knows(key(2), 10))
  #expect(!memory.knows(RowKey([text("12"), text("")]), 10))
  memory.know(key(1), 9)
  #expect(memory.knows(key(1), 9) && !memory.knows(key(1), 10))
  // The feed and the ledger may write a string in another way.
  memory.know(RowKey([raw(#""é/\n""#)]), 10)
  memory.forget([RowKey([raw(#""\u00e9\/\u000a""#)])])
  #expect(!memory.knows(RowKey([raw(#""é/\n""#)]), 10))
  // The same to the eye, another key to PostgreSQL.
  memory.know(RowKey([text("e\u{301}")]), 10)
  #expect(!memory.knows(RowKey([text("\u{e9}")]), 10))
  memory.forget([key(1)])
  #expect(!memory.knows(key(1), 9) && memory.count == 2)
  memory.keep(from: 11)
  #expect(memory.isEmpty)
  memory.know(key(1), 12)
  memory.know(key(1), 10)
  #expect(!memory.knows(key(1), 12), "the target no longer has that version")
}

@Test func `a full memory forgets what it has known longest, and that it is whole`() {
  var memory = WindowMemory(limit: 20)
  memory.keep(from: 0)
  let losses = memory.losses
  for id in 1...10 { memory.know(key(id), 5) }
  memory.becameWhole(from: 3, losses: losses)
  #expect(memory.isWhole(from: 3) && memory.isWhole(from: 4) && !memory.isWhole(from: 2))
  for id in 11...20 { memory.know(key(id), 5) }
  #expect(memory.count == 20 && memory.isWhole(from: 3))
  // What leaves first is forgotten there, and never comes back in an older version.
  memory.know(key(1), 6)
  for id in 21...200 {
    memory.know(key(id), 5)
    #expect(memory.count <= 20 && memory.knows(key(id), 5) && !memory.knows(key(1), 5))
  }
  #expect(!memory.isWhole(from: 3))
  memory.becameWhole(from: 3, losses: losses)
  #expect(!memory.isWhole(from: 3), "it was forgetful meanwhile")
  memory.becameWhole(from: 3, losses: memory.losses)
  #expect(memory.isWhole(from: 3))
  memory.forgetAll()
  #expect(!memory.isWhole(from: 3) && memory.isEmpty)
}

@Test func `rows that lie together are fetched by range, scattered ones by key`() {
  #expect(RowRuns([], shortest: 3) == RowRuns([]))
  let runs = RowRuns([1, 2, 3, 7, 9, 10, 20, 21, 22, 23], shortest: 3)
  #expect(runs.ranges == [1..<4, 20..<24] && runs.scattered == [7, 9, 10])
  #expect(RowRuns(Array(0..<5), shortest: 3).ranges == [0..<5])
}

private func state(_ checkpoint: JSONToken?, held: Bool? = nil, _ plan: TablePlan) -> TableState {
  var state = TableState(field: "updated_at", keyColumns: ["id"])
  state.checkpoint = checkpoint
  state.columns = plan.columns
  if let held, let checkpoint {
    state.held = HeldCheckpoint(checkpoint: checkpoint, isPassed: held)
  }
  return state
}

private func plan(_ format: String = "timestamp with time zone") throws -> TablePlan {
  let table = TableDescription(
    name: TableName(name: "items"),
    columns: [("id", "bigint"), ("updated_at", format)].map {
      Column(
        name: $0, format: $1, isNotNull: true, isPrimaryKey: $0 == "id", references: nil)
    })
  return try TablePlan(
    TableConfiguration(name: table.name, primaryKeys: ["id"], incrementalFields: ["updated_at"]),
    source: table, target: table)
}

@Test func `a pass begins at a checkpoint that is held, else so much before it`() throws {
  let plan = try plan()
  let checkpoint = time(noon)
  let answered = PassLimits(horizon: noon + minute, sourceClock: noon + minute)
  let silent = PassLimits(horizon: .min, sourceClock: noon + minute)
  let absent = PassLimits(horizon: nil, sourceClock: noon + minute)
  func start(_ state: TableState, _ limits: PassLimits) -> WindowStart? {
    WindowStart(state, plan, limits, lookback: hour)
  }
  let behind = start(state(checkpoint, held: true, plan), answered)
  #expect(behind?.stage == .beyond(checkpoint) && behind?.least == noon + 1)
  let at = start(state(checkpoint, held: false, plan), answered)
  #expect(at?.stage == .from(checkpoint) && at?.least == noon)
  for limits in [silent, absent] {
    let before = start(state(checkpoint, held: true, plan), limits)
    #expect(before?.stage == .from(time(noon - hour)) && before?.least == noon - hour)
  }
  // The first pass after the horizon has come.
  #expect(start(state(checkpoint, plan), answered)?.least == noon - hour)
  // Somebody has moved the checkpoint since.
  var moved = state(checkpoint, held: true, plan)
  moved.checkpoint = time(noon + 1)
  #expect(start(moved, answered)?.least == noon + 1 - hour)
  let empty = start(state(text("-infinity"), plan), answered)
  #expect(empty?.stage == .from(nil) && empty?.least == .min)
}

@Test func `versions are not asked where they cannot tell`() throws {
  let plan = try plan()
  let limits = PassLimits(horizon: noon, sourceClock: noon)
  func isAsked(_ state: TableState, _ plan: TablePlan) -> Bool {
    WindowStart(state, plan, limits, lookback: hour) != nil
  }
  let known = state(time(noon), plan)
  #expect(isAsked(known, plan))
  #expect(!isAsked(state(nil, plan), plan))
  #expect(!isAsked(state(text("2024-06-01T12:00:00"), plan), plan))
  var changed = known
  changed.columns = ["id"]
  #expect(!isAsked(changed, plan))
  changed.columns = nil
  #expect(!isAsked(changed, plan))
  changed = known
  changed.readsAll = true
  #expect(!isAsked(changed, plan))
  for (format, checkpoint) in [("date", text("2024-06-01")), ("bigint", int(5))] {
    let plan = try otherPlan(format)
    #expect(!isAsked(state(checkpoint, plan), plan))
  }
}

private func otherPlan(_ format: String) throws -> TablePlan { try plan(format) }
