import LocalSupabase
import Mirror
import Testing

struct HeartbeatTests {
  /// As PostgREST writes an upsert of these columns.
  private func upsert(_ columns: String, _ values: String) -> String {
    let updates = columns.split(separator: ", ").map { "\($0) = excluded.\($0)" }
    return "insert into sync_heartbeat (\(columns)) values (\(values)) on conflict (mirror) "
      + "do update set \(updates.joined(separator: ", "))"
  }

  @Test func `every new beat is stamped where it is written`() async throws {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    var times: [String?] = []
    for beat in 1...3 {
      try await database.run(upsert("mirror, beat", "'a', \(beat)"), as: "service_role")
      times.append(try await database.value("select written_at from sync_heartbeat"))
    }
    #expect(Set(times).count == 3)
    #expect(
      try await database.value(
        "select beat = 3 and written_at between now() - interval '1 minute' and now() from sync_heartbeat"
      ) == "t")
  }

  @Test func `a copied marker row keeps its time, also when it is copied twice`() async throws {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    for (beat, time) in [(1, "2026-01-01"), (2, "2026-01-02"), (2, "2026-01-02")] {
      let time = "\(time) 00:00:00.123456+00"
      let copy = upsert("mirror, beat, written_at", "'a', \(beat), '\(time)'")
      try await database.run(copy, as: "service_role")
      #expect(
        try await database.run(
          "select beat, written_at = '\(time)' from sync_heartbeat") == [["\(beat)", "t"]])
    }
  }

  @Test func `the row of a mirror that is forgotten goes, and no other`() async throws {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    try await database.run(
      """
      insert into sync_heartbeat (mirror, beat) values ('a', 1), ('b', 1);
      select sync_register_mirror('a'), sync_register_mirror('b')
      """, as: "service_role")
    try await database.run("select sync_forget_mirror('a')", as: "service_role")
    #expect(try await database.run("select mirror from sync_heartbeat") == [["b"]])
  }

  @Test func `a migration applied again keeps the marker rows`() async throws {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    try await database.run("insert into sync_heartbeat (mirror, beat) values ('a', 7)")
    try await database.migrate()
    #expect(try await database.run("select mirror, beat from sync_heartbeat") == [["a", "7"]])
  }
}
