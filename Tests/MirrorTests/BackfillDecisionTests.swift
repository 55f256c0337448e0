import JSON
import Supabase
import Testing

@testable import Mirror

private let name = TableName(name: "items")

@Test func `a run of rows with one beginning of the key is read by the rest of it`() throws {
  var place = KeyPlace(["a", "b"], after: nil)
  let end = [int(9), int(9)]
  func query() throws -> ReadQuery {
    try #require(place.query(name, columns: ["a", "b", "v"], upTo: end, limit: 7))
  }
  let upTo = Filter.notAfter(columns: ["a", "b"], values: end)
  #expect(try query().filters == [upTo] && (try query().order) == ["a", "b"])
  place.advance(to: [int(1), int(5)], upTo: end)
  #expect(
    try query().filters == [.after(columns: ["a", "b"], values: [int(1), int(5)]), upTo])
  place.advance(to: [int(1), int(8)], upTo: end)
  #expect(
    try query().filters == [.equal("a", int(1)), .after(columns: ["b"], values: [int(8)]), upTo])
  #expect(try query().order == ["b"])
  place.advance(to: [int(1), int(9)], upTo: end)
  #expect(place.stage == .within(run: 1, [int(1), int(9)]))
  // The run's end is not the range's.
  place.advance(to: nil, upTo: end)
  #expect(try query().filters == [.after(columns: ["a"], values: [int(1)]), upTo])
  place.advance(to: [int(2), int(0)], upTo: end)
  #expect(place.stage == .after([int(2), int(0)]))
  place.advance(to: end, upTo: end)
  #expect(place.isFinished && place.query(name, columns: ["a"], upTo: end, limit: 1) == nil)
}

@Test func `only an empty page, or the last key, is a range's end`() {
  var place = KeyPlace(["id"], after: nil)
  place.advance(to: [int(5)], upTo: nil)
  #expect(place.stage == .after([int(5)]))
  place.advance(to: nil, upTo: nil)
  #expect(place.isFinished)
  var empty = KeyPlace(["id"], after: [int(5)])
  empty.advance(to: nil, upTo: [int(9)])
  #expect(empty.isFinished)
}

@Test func `trouble halves the lanes, and calm brings them back one by one`() {
  var throttle = Throttle(most: 4)
  let steps: [(second: Int, isSlow: Bool, lanes: Int, divisor: Int)] = [
    (0, false, 4, 1), (1, true, 2, 2),
    // What was asked for before tells nothing of the change.
    (2, true, 2, 2), (6, true, 1, 4), (11, true, 1, 8), (16, true, 1, 16), (21, true, 1, 16),
    (25, false, 1, 16), (31, false, 1, 8), (35, false, 1, 8), (41, false, 1, 4),
    (51, false, 1, 2), (61, false, 1, 1), (71, false, 2, 1), (81, false, 3, 1), (91, false, 4, 1),
    (101, false, 4, 1),
  ]
  for step in steps {
    let before = throttle
    let hasChanged = throttle.note(isSlow: step.isSlow, at: .seconds(step.second))
    #expect(throttle.lanes == step.lanes && throttle.divisor == step.divisor, "\(step)")
    #expect(hasChanged == (before.lanes != step.lanes || before.divisor != step.divisor))
  }
}

@Test
func `a page is slow that takes several times what the best one took, and more than a second`() {
  var times = PageTimes()
  func isSlow(_ rows: Int, read: Int = 100, write: Int, lanes: Int = 4) -> Bool {
    times.isSlow(
      rows: rows, bytes: 0, read: .milliseconds(read), write: .milliseconds(write), lanes: lanes)
  }
  #expect(!isSlow(1_000, write: 2_000))
  #expect(!isSlow(1_000, write: 300))
  #expect(!isSlow(1_000, write: 2_000))
  #expect(isSlow(1_000, write: 2_500))
  #expect(isSlow(1_000, write: 2_000, lanes: 1))
  // A few rows tell more of the way than of the server; a short time is nobody's trouble.
  #expect(!isSlow(1, write: 1))
  #expect(!isSlow(1_000, write: 900))
  #expect(!isSlow(10, write: 900))
  #expect(isSlow(1_000, read: 1_500, write: 100))
  #expect(isSlow(10, write: 1_100))
}

@Test func `tables share the lanes, and each has one`() async {
  let load = BackfillLoad()
  let names = (0..<3).map { TableName(name: "t\($0)") }
  #expect(await load.claim(names[0], wanted: 9, most: 4).lanes == 4)
  #expect(await load.claim(names[1], wanted: 9, most: 4).lanes == 1)
  #expect(await load.claim(names[0], wanted: 9, most: 4).lanes == 3)
  #expect(await load.claim(names[2], wanted: 1, most: 4).lanes == 1)
  #expect(await load.claim(names[0], wanted: 9, most: 4).lanes == 2)
  await load.leave(names[0])
  #expect(await load.claim(names[1], wanted: 9, most: 4).lanes == 3)
}

@Test func `an open copy is known again, byte for byte`() throws {
  var state = TableState(field: "f", keyColumns: ["a", "b"])
  let odd = [raw("\"\\u00e9 \\\"\""), raw("12345678901234567890.5")]
  state.backfill = OpenBackfill(
    cap: raw("\"-infinity\""),
    ranges: [
      KeyRange(id: 0, upTo: odd, left: 7), KeyRange(id: 1, after: odd, upTo: odd.reversed()),
      KeyRange(id: 2, after: odd.reversed()),
    ])
  state.backfill?.rows = 12
  state.backfill?.estimate = 40
  state.backfill?.horizon = -7
  var whole = TableState(field: "f", keyColumns: ["a"])
  whole.isCopiedWhole = true
  let tables = [TableName(name: "t"): state, TableName(name: "whole"): whole]
  let bytes = StateText.write(tables, World.identity)
  #expect(try StateText.read(bytes, World.identity, path: "") == tables)
}

@Test(arguments: [
  #"{"rows":1,"ranges":[]}"#, #"{"cap":"1","rows":1}"#, #"{"cap":"x","rows":1,"ranges":[]}"#,
  #"{"cap":"1","rows":1,"ranges":[{"after":["1","2"]}]}"#,
  #"{"cap":"1","rows":1,"ranges":[{"upTo":[1]}]}"#, #"{"cap":"1","rows":1,"ranges":[5,{}]}"#, "7",
])
func `an open copy that cannot be read is never passed over`(text: String) {
  let bytes = Array(
    #"{"version":1,"epoch":"pair","mirror":"test","tables":[{"schema":"s","table":"t","field":"f","keyColumns":["k"],"backfill":\#(text)}]}"#
      .utf8)
  #expect(throws: StateError.self) { try StateText.read(bytes, World.identity, path: "") }
}

@Test(arguments: [("f", ["other"]), ("other", ["k"])])
func `a copy under way begins again where field or keys have changed`(
  field: String, keys: [String]
) {
  var state = TableState(field: "f", keyColumns: ["k"])
  state.checkpoint = raw("5")
  state.backfill = OpenBackfill(cap: raw("9"), ranges: [KeyRange(id: 0, after: [int(4)])])
  let adapted = state.adapted(field: field, keyColumns: keys)
  #expect(adapted.backfill == nil && adapted.checkpoint == nil && adapted.readsAll)
  #expect(state.adapted(field: "f", keyColumns: ["k"]).backfill != nil)
}

@Test func `tables that need themselves or each other are known`() {
  let (a, b, c, d) = (
    TableName(name: "a"), TableName(name: "b"), TableName(name: "c"), TableName(name: "d")
  )
  let references: [TableName: Set<TableName>] = [a: [a], b: [c], c: [b], d: [a, b]]
  #expect(TableOrder.circular([a, b, c, d], references: references) == [a, b, c])
}

@Test func `a table is cut for all lanes while its first page is read`() throws {
  var ranges = [KeyRange(id: 0, upTo: [int(1_000)], left: 1_000)]
  var run = BackfillRun(ranges, keyColumns: ["id"], smallestSplit: 100)
  run.spread(lanes: 4, rows: 1_000)
  run.assign(lanes: 4, ranges)
  let orders = run.takeOrders(ranges)
  try #require(orders.count == 2)
  guard case .copy(id: 0, nil, next: .some) = orders[0],
    case .spread(id: 0, _, count: 4, share: 250) = orders[1]
  else {
    Issue.record("\(orders)")
    return
  }
  // Neither is a page asked for that might reach over a cut, nor a second cut.
  #expect(run.takeOrders(ranges).isEmpty && run.wanted(ranges) == 1)
  run.probed(0)
  for key in [750, 500, 250] {
    ranges.append(run.split(&ranges[0], at: [int(key)], left: 250))
  }
  ranges[0].left = 250
  #expect(ranges.map(\.after) == [nil, [int(750)], [int(500)], [int(250)]])
  #expect(ranges.map(\.upTo) == [[int(250)], [int(1_000)], [int(750)], [int(500)]])
  run.assign(lanes: 4, ranges)
  #expect(Set(run.works.compactMap(\.lane)) == [0, 1, 2, 3])
  #expect(run.takeOrders(ranges).count == 3)
}

@Test(arguments: [(lanes: 1, rows: 1_000), (lanes: 4, rows: 99)])
func `a small table, or a single lane, is not cut`(lanes: Int, rows: Int) {
  let ranges = [KeyRange(id: 0, upTo: [int(1_000)], left: rows)]
  var run = BackfillRun(ranges, keyColumns: ["id"], smallestSplit: 100)
  run.spread(lanes: lanes, rows: rows)
  run.assign(lanes: lanes, ranges)
  #expect(run.takeOrders(ranges).count == 1)
}
