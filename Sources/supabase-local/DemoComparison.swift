import LocalSupabase
import Transport

/// Compares two databases by SQL: PostgreSQL's own text of every row, on both sides.
struct DemoComparison: Sendable {
  let source: PostgresPool
  let target: PostgresPool

  struct Outcome: Sendable {
    var table: DemoTable
    var sourceRows = 0
    var targetRows = 0
    /// Only on one side, or not the same on both.
    var differences = 0
    var elapsed: Duration = .zero
  }

  init(source: LocalProject, target: LocalProject) {
    self.source = PostgresPool(dsn: source.dsn, size: 1)
    self.target = PostgresPool(dsn: target.dsn, size: 1)
  }

  func compare(_ table: DemoTable) async throws -> Outcome {
    let start = ContinuousClock.now
    var outcome = Outcome(table: table)
    async let sourceRows = rows(of: table, source)
    async let targetRows = rows(of: table, target)
    let (wanted, got) = try await (sourceRows, targetRows)
    outcome.sourceRows = wanted.count
    outcome.targetRows = got.count
    outcome.differences =
      wanted.count { got[$0.key] != $0.value } + got.keys.count { wanted[$0] == nil }
    outcome.elapsed = .now - start
    return outcome
  }

  /// A digest of each row's text, by the text of its key.
  private func rows(of table: DemoTable, _ database: PostgresPool) async throws -> [String: String]
  {
    let key = table.keys.map { "t.\"\($0)\"::text" }.joined(separator: ", ")
    return try await database.withConnection(waitAtMost: .seconds(60)) { connection in
      // Both sides are to write a value in one way.
      try connection.run(
        script: "set timezone = 'UTC'; set extra_float_digits = 3; set bytea_output = 'hex'")
      let result = try connection.execute(
        "select jsonb_build_array(\(key))::text, md5(t::text) from \(table.quoted) as t")
      var rows: [String: String] = [:]
      rows.reserveCapacity(result.rowCount)
      for row in 0..<result.rowCount {
        rows[result.string(row, 0) ?? ""] = result.string(row, 1) ?? ""
      }
      return rows
    }
  }

  func close() async {
    await source.close()
    await target.close()
  }
}
