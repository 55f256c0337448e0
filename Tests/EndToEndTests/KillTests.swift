import Glibc
import Testing
import Transport

extension Copies {
  @Suite struct Kills {
    /// Killed at random moments of a pass over many rows, while other connections go on writing.
    @Test func `kills lose nothing, however many`() async throws {
      let (rows, wanted) = Environment.isLong ? (200_000, 200) : (60_000, 60)
      let stack = try await Stack.empty(.copies)
      try await stack.both(
        """
        create table accounts (id bigint primary key, v text, updated_at timestamptz not null default now());
        create index on accounts (updated_at, id);
        """)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("accounts")],
        settings: ["SYNC_RECONCILE_LOOKBACK_MS": "500", "SYNC_DELETE_LIMIT_ROWS": "100000"])
      try await mirror.migrate(stack)
      try await stack.source.sql(
        """
        insert into accounts select i, 'v' || i, now() - interval '1 hour' + i * interval '10 ms'
        from generate_series(1, \(rows)) i
        """)
      var generator = SystemRandomNumberGenerator()
      var kills = 0
      var finished = 0
      while kills < wanted {
        let process = try mirror.start(["--cron", "--log-level", "debug"])
        // The moment is chosen by what it has made durable: so many changes of its state file, none included.
        var changes = Int.random(in: 0...2, using: &generator)
        var last = try mirror.readFile(mirror.statePath)
        if kills % 10 == 9 {
          try await stack.source.sql(
            "update accounts set updated_at = now() where id % 200 = \(kills / 10)")
        }
        while changes > 0, process.status == nil {
          let id = Int.random(in: 1...rows, using: &generator)
          try await stack.source.script(
            """
            update accounts set v = 'changed', updated_at = now() where id = \(id);
            delete from accounts where id = \(Int.random(in: 1...rows, using: &generator)) and \(kills % 10) = 0;
            insert into accounts select max(id) + 1, 'new', now() from accounts;
            """)
          let now = try mirror.readFile(mirror.statePath)
          if now != last { changes -= 1 }
          last = now
        }
        process.signal(SIGKILL)
        let status = await process.wait()
        if status == .signalled(SIGKILL) { kills += 1 }
        if case .exited = status { finished += 1 }
        let state = try mirror.readFile(mirror.statePath)
        if !state.isEmpty { #expect(state.last == UInt8(ascii: "}"), "kill \(kills)") }
      }
      print("\(kills) passes killed, \(finished) finished before that")
      let final = try await mirror.cron()
      #expect(final.exitCode == 0, "\(final)")
      #expect(try await stack.differences("accounts") == [])
    }
  }
}
