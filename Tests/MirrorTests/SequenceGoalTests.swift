import JSON
import Mirror
import Supabase
import Testing

@Suite struct SequenceGoalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var target: SequenceState
    var source: Int64?
    var key: Int128?
    var headroom = 1_000
    var value: Int128
    var isBehind = true
    var problem: String?
    var note: String?

    var testDescription: String { name }
  }

  private static func state(
    _ last: Int64?, increment: Int64 = 1, minimum: Int64 = 1, maximum: Int64 = .max,
    isCalled: Bool = true, cycles: Bool = false
  ) -> SequenceState {
    SequenceState(
      user: NumberedColumn(table: TableName(name: "t"), column: "id"), name: TableName(name: "s"),
      lastValue: last, isCalled: isCalled, increment: increment, minimum: minimum,
      maximum: maximum, cycles: cycles)
  }

  static let cases = [
    Case(name: "the source is furthest", target: state(7), source: 120, key: 100, value: 1_120),
    Case(name: "the key is furthest", target: state(7), source: 120, key: 500, value: 1_500),
    Case(name: "the source is gone", target: state(90), source: nil, key: 50, value: 1_090),
    Case(name: "the source is gone, the key is further", target: state(9), key: 50, value: 1_050),
    Case(
      name: "nothing was ever written", target: state(1, isCalled: false), source: 0, value: 1_000),
    Case(
      name: "it is far enough", target: state(2_000), source: 120, key: 9, value: 1_120,
      isBehind: false),
    Case(
      name: "it is just far enough", target: state(1_120), source: 120, value: 1_120,
      isBehind: false),
    Case(
      name: "a second promotion", target: state(1_120), source: 120, key: 120, value: 1_120,
      isBehind: false),
    Case(
      name: "no head-room", target: state(120), source: 120, key: 120, headroom: 0, value: 120,
      isBehind: false),
    Case(name: "one short", target: state(119), source: 120, headroom: 0, value: 120),
    Case(name: "steps of ten", target: state(1, increment: 10), source: 100, value: 10_100),
    Case(
      name: "descending", target: state(-1, increment: -2, minimum: .min, maximum: -1), source: -40,
      key: -60, value: -2_060),
    Case(
      name: "descending, far enough",
      target: state(-9_000, increment: -2, minimum: .min, maximum: -1), source: -40, key: -60,
      value: -2_060, isBehind: false),
    Case(
      name: "little is left", target: state(7, maximum: 200), source: 100, key: 90, value: 150),
    Case(
      name: "the last number is given out", target: state(7, maximum: 100), source: 100, value: 100,
      problem: "it has given out its last number, 100"),
    Case(
      name: "the target's type is smaller", target: state(7, maximum: 32_767), source: 40_000,
      value: 40_000, problem: "ends at 32767"),
    Case(
      name: "a key put at the very end by hand", target: state(7, maximum: 2_147_483_647),
      source: 120, key: 2_147_483_647, value: 1_120, note: "2147483647"),
    Case(
      name: "it may not be read", target: state(nil), source: 120, value: 1_120,
      problem: "may not read it"),
    Case(
      name: "the largest there is", target: state(7), source: .max - 1, value: Int128(Int64.max) - 1
    ),
  ]

  @Test(arguments: cases)
  func `a sequence has to be past the source's number and every key, and leaves head-room`(
    _ given: Case
  ) {
    let sources = given.source.map { [SequenceState("t", last: $0)] } ?? []
    let descending = given.source.map {
      [Self.state($0, increment: -2, minimum: .min, maximum: -1)]
    }
    let goal = SequenceGoal(
      given.target, sources: given.target.isDescending ? descending ?? [] : sources,
      furthestKey: given.key, headroom: given.headroom)
    #expect(goal.value == given.value)
    #expect(goal.isBehind == given.isBehind)
    #expect(goal.problem.map { given.problem.map($0.contains) ?? false } ?? (given.problem == nil))
    #expect(goal.note.map { given.note.map($0.contains) ?? false } ?? (given.note == nil))
  }

  @Test(arguments: [(1, true, 1), (1, false, 0), (42, true, 42), (42, false, 41)])
  func `what was given out is the last number, or the one before the first`(
    last: Int64, isCalled: Bool, given: Int128
  ) {
    #expect(Self.state(last, isCalled: isCalled).given == given)
  }

  @Test func `the ends of bigint do not overflow`() {
    let lowest = Self.state(.min, minimum: .min, isCalled: false)
    #expect(lowest.given == Int128(Int64.min) - 1)
    let body = """
      [{"schema": "public", "name": "s", "table_schema": "public", "table": "t", "column": "id",
        "type": "bigint", "last_value": 9223372036854775807, "is_called": true, "increment": 1,
        "minimum": -9223372036854775808, "maximum": 9223372036854775807, "cycles": false, "cache": 1}]
      """
    #expect(SequenceState.read(Array(body.utf8)) == [Self.state(.max, minimum: .min)])
  }

  @Test(arguments: ["{}", "[{}]", "null", "", "[{\"schema\": \"public\"}]"])
  func `an answer in another form is not taken for "there are none"`(_ body: String) {
    #expect(SequenceState.read(Array(body.utf8)) == nil)
  }

  @Test func `a trigger's statement names it whatever it is called`() {
    let trigger = DisabledTrigger(
      table: TableName(schema: "shop", name: "Line Items"), name: "say \"hi\"")
    #expect(
      trigger.sql == #"alter table "shop"."Line Items" enable trigger "say ""hi""";"#)
  }
}
