import Testing

extension EndToEnd {
  /// What all the others say "equal" by.
  @Suite struct Comparisons {
    @Test func `two tables are equal only where every row is`() async throws {
      let stack = try await Stack.empty()
      try await stack.both("create table t (id int, v text, n numeric, f double precision)")
      #expect(try await stack.differences("t") == [])
      let rows = "insert into t select i, 'v' || i, i, i from generate_series(1, 100) i"
      try await stack.source.sql(rows)
      #expect(try await stack.differences("t").count == 1)
      try await stack.target.sql(rows)
      #expect(try await stack.differences("t") == [])
      for change in [
        "update t set v = 'v8' where id = 7", "update t set v = null where id = 7",
        "update t set n = 7.0 where id = 7", "update t set f = 7.000000000000001 where id = 7",
        "update t set v = case id when 7 then 'v8' else 'v7' end where id in (7, 8)",
        "insert into t select * from t where id = 7", "delete from t where id in (7, 8)",
      ] {
        try await stack.target.script(change)
        #expect(try await stack.differences("t").count == 1, "\(change)")
        try await stack.target.script("delete from t; \(rows)")
      }
      #expect(try await stack.differences("t") == [])
    }
  }
}
