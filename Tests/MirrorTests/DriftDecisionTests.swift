import Mirror
import Supabase
import Testing

/// A table as a project describes it.
private func table(_ columns: KeyValuePairs<String, String>) -> TableDescription {
  TableDescription(
    name: TableName(name: "items"),
    columns: columns.map { name, format in
      Column(
        name: name, format: format, isNotNull: name == "id", isPrimaryKey: name == "id",
        references: nil)
    })
}

private func plan(
  _ source: KeyValuePairs<String, String>?, _ target: KeyValuePairs<String, String>?,
  _ policy: DriftPolicy = .common, by fields: [String] = ["at", "made"]
) throws(TableProblem) -> TablePlan {
  try TablePlan(
    TableConfiguration(
      name: TableName(name: "items"), primaryKeys: ["id"], incrementalFields: fields),
    source: source.map(table), target: target.map(table), onDrift: policy)
}

private let stamp = "timestamp with time zone"

@Suite struct DriftDecisionTests {
  @Test func `the columns that both have are copied, and each other one is said with its remedy`()
    throws
  {
    let plan = try plan(
      ["id": "bigint", "at": stamp, "Note": "text", "n": "integer", "value": "text"],
      ["value": "text", "id": "bigint", "at": stamp, "old": "text"])
    #expect(plan.columns == ["id", "at", "value"])
    #expect(plan.leftOut == ["Note", "n"])
    #expect(plan.targetOnly == ["old"])
    #expect(plan.notes.contains { $0.contains("old") })
    #expect(plan.remedies.count == 2)
    #expect(
      plan.remedies[0]
        == "on the target run: ALTER TABLE public.items ADD COLUMN \"Note\" text; or, if it was old: "
        + "ALTER TABLE public.items RENAME COLUMN old TO \"Note\"")
    #expect(plan.remedies[1] == "on the target run: ALTER TABLE public.items ADD COLUMN n integer")
  }

  @Test func `a rename is only guessed where one column could be it`() throws {
    let plan = try plan(
      ["id": "bigint", "at": stamp, "a": "text", "b": "text"],
      ["id": "bigint", "at": stamp, "c": "text"])
    #expect(plan.remedies.allSatisfy { !$0.contains("RENAME") })
  }

  @Test func `with park, a column that the target lacks stops the table`() {
    #expect {
      try plan(["id": "bigint", "at": stamp, "n": "text"], ["id": "bigint", "at": stamp], .park)
    } throws: { "\($0)".contains("lacks n") && "\($0)".contains("ADD COLUMN n text") }
    // What the target has alone stops nothing.
    #expect(throws: Never.self) {
      try plan(["id": "bigint", "at": stamp], ["id": "bigint", "at": stamp, "n": "text"], .park)
    }
  }

  private static let whole: KeyValuePairs = ["id": "bigint", "at": stamp, "value": "text"]

  @Test(arguments: DriftPolicy.allCases)
  func `no policy goes on without what a table needs, or with values that could change`(
    _ policy: DriftPolicy
  ) {
    let whole = Self.whole
    let cases: [(KeyValuePairs<String, String>?, KeyValuePairs<String, String>?, String)] = [
      (nil, whole, "source has no table"), (whole, nil, "target has no table"),
      (["key": "bigint", "at": stamp, "value": "text"], whole, "no column id at the source"),
      (whole, ["key": "bigint", "at": stamp, "value": "text"], "lacks id"),
      (["id": "bigint", "value": "text"], whole, "none of its incrementalFields"),
      (whole, ["id": "bigint", "made": stamp, "value": "text"], "lacks at"),
      (["id": "bigint", "at": "text", "value": "text"], whole, "at is text at the source"),
      (["id": "bigint", "at": stamp, "value": "integer"], whole, "value is integer at the source"),
      (whole, ["id": "integer", "at": stamp, "value": "text"], "id is bigint at the source"),
    ]
    for (source, target, part) in cases {
      #expect {
        try plan(source, target, policy)
      } throws: { "\($0)".contains(part) }
    }
  }

  @Test func `the next incremental field is followed where the first is gone, and that is said`()
    throws
  {
    let columns: KeyValuePairs = ["id": "bigint", "made": stamp]
    let plan = try plan(columns, columns)
    #expect(plan.field.column == "made")
    #expect(plan.notes.contains { $0.contains("at is not there") })
  }

  @Test func `rows are copied again for what is new, or of a type that held less`() {
    func shape(_ types: [String: (String, String)]) -> TableShape {
      TableShape(types.mapValues { TableShape.Types(source: $0, target: $1) })
    }
    let id = ("bigint", "bigint")
    let cases: [([String: (String, String)], [String: (String, String)], String?)] = [
      (["id": id, "n": ("text", "text")], ["id": id, "n": ("text", "text")], nil),
      (["id": id, "n": ("text", "text")], ["id": id], nil),
      (["id": id], ["id": id, "n": ("text", "text")], "column n is new to it"),
      (["id": id], ["id": id, "b": id, "a": id], "columns a, b are new to it"),
      // Widened on the target, then at the source.
      (["id": ("integer", "integer")], ["id": ("integer", "bigint")], nil),
      (["id": ("integer", "bigint")], ["id": id], nil),
      (["id": id], ["id": ("integer", "bigint")], "column id is of another type than before"),
      (["id": id], ["id": ("text", "text")], "column id is of another type than before"),
      (
        ["id": id, "n": (stamp, stamp)],
        ["id": id, "n": ("timestamp without time zone", "timestamp without time zone")],
        "column n is of another type than before"
      ),
    ]
    for (earlier, now, reason) in cases {
      #expect(shape(now).reasonToCopyAgain(since: shape(earlier)) == reason)
    }
  }

  @Test func `what is known of a table stays, or all of it is copied again`() throws {
    let narrow = try plan(["id": "bigint", "at": stamp], ["id": "bigint", "at": stamp])
    let wide = try plan(Self.whole, Self.whole)
    var state = TableState(field: "at", keyColumns: ["id"])
    #expect(state.adapted(to: wide).copyReason == nil)
    state.checkpoint = time(noon)
    state.isCopiedWhole = true
    state.columns = wide.columns
    state.quarantine[RowKey([int(1)])] = QuarantinedRow(code: "23502", reason: "", since: 0)
    state = state.adapted(to: wide)
    #expect(state.checkpoint == time(noon) && state.shape == wide.shape && state.copyReason == nil)
    // A column goes: nothing is lost. That it went is known from then on.
    let less = state.adapted(to: narrow)
    #expect(less.checkpoint == time(noon) && less.columns == ["id", "at"])
    // It comes back.
    let again = less.adapted(to: wide)
    #expect(again.checkpoint == nil && again.readsAll && !again.isCopiedWhole)
    #expect(again.copyReason == "column value is new to it")
    #expect(again.quarantine.count == 1)
    #expect(again.adapted(to: wide) == again)
    // As an earlier program kept it.
    var old = less
    old.shape = nil
    #expect(old.adapted(to: wide).copyReason != nil)
    #expect(old.adapted(to: narrow).copyReason == nil)
    // The table was another one for a while.
    let parked = state.toBeCopiedAgain(because: "x")
    #expect(parked.adapted(to: wide).copyReason == "x" && parked.checkpoint == nil)
    #expect(parked.toBeCopiedAgain(because: "y") == parked)
    let untouched = TableState(field: "at", keyColumns: ["id"])
    #expect(untouched.toBeCopiedAgain(because: "x") == untouched)
  }
}
