import JSON
import Mirror
import Supabase
import Testing

@Suite struct RecoveryPlanTests {
  private var plan: RecoveryPlan {
    var table = RecoveryPlan.Table(
      TableName(schema: "shop", name: "Line \"Items\""), keyColumns: ["a", "b"],
      columns: ["a", "b", "c"], field: "c")
    table.runs = [
      TableVerification.Run(KeySpan(lower: nil, upper: RowKey([int(5), text("é\n")])), rows: 7),
      TableVerification.Run(KeySpan(lower: RowKey([int(9), text("x")]), upper: nil), rows: 2),
    ]
    table.missing = [RowKey([raw("9007199254740993"), raw("\"\\u00e9\"")])]
    table.different = [RecoveryPlan.Row(RowKey([raw("1.50"), text("")]), version: text("now"))]
    table.extra = [RecoveryPlan.Row(RowKey([raw("-0"), text("z")]), version: .null)]
    table.newer = 3
    table.left = 4
    return RecoveryPlan(
      pair: "abc", madeAt: noon, mode: .comprehensive, deletesExtra: true, overwritesNewer: true,
      tables: [table])
  }

  @Test func `a plan that was kept is the same plan`() throws {
    let bytes = RecoveryPlanText.write(plan)
    #expect(try RecoveryPlanText.read(bytes, path: "p") == plan)
    #expect(plan.rows == 12 && plan.left == 4)
  }

  @Test(arguments: [
    "", "[]", "{}", "{\"recoveryPlan\": 99}", "{\"recoveryPlan\": 1}",
  ])
  func `what is no plan is refused`(text: String) {
    #expect(throws: ConfigurationError.self) {
      try RecoveryPlanText.read(Array(text.utf8), path: "p")
    }
  }

  @Test(arguments: [
    ("\"deletesExtra\": true", "\"deletesExtra\": false"),
    ("\"mode\": \"comprehensive\"", "\"mode\": \"missing-only\""),
    ("[\"9007199254740993\",", "["), ("\"rows\": 7", "\"rows\": \"7\""),
    ("\"version\": \"null\"", "\"version\": \"nul\""),
  ])
  func `a plan that was changed so that it says two things is refused`(
    old: String, new: String
  ) throws {
    let kept = String(decoding: RecoveryPlanText.write(plan), as: UTF8.self)
    let changed = kept.replacing(old, with: new)
    try #require(changed != kept)
    #expect(throws: ConfigurationError.self) {
      try RecoveryPlanText.read(Array(changed.utf8), path: "p")
    }
  }

  @Test(arguments: [
    ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00.000001+00:00", RepairDecision.newerOnTarget),
    ("2026-01-01T00:00:00+00:00", "2025-12-31T23:59:59+00:00", .overwrite),
    ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", .overwrite),
    ("infinity", "2026-01-01T00:00:00+00:00", .overwrite),
    ("2026-01-01T00:00:00+00:00", "infinity", .newerOnTarget),
  ])
  func `the newer row stays`(source: String, target: String, decision: RepairDecision) {
    let field = IncrementalField(
      column: "updated_at", kind: .timestampWithTimeZone, isNullable: true)
    func decide(isEqual: Bool = false, seen: String? = nil) -> RepairDecision {
      RepairDecision(
        isEqual: isEqual, source: text(source), target: text(target), seen: seen.map(text), field)
    }
    #expect(decide() == decision)
    #expect(decide(isEqual: true) == .equal)
    #expect(decide(seen: target) == .overwrite)
    #expect(decide(seen: "2020-01-01T00:00:00+00:00") == decision)
    // A row without a value is no newer one.
    #expect(
      RepairDecision(isEqual: false, source: .null, target: text(target), field) == .overwrite)
    #expect(
      RepairDecision(isEqual: false, source: text(source), target: .null, field) == .overwrite)
  }
}
