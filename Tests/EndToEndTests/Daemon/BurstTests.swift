import LocalSupabase
import Mirror
import Testing

/// More changes than Realtime delivers and than anybody should look at one by one.
@Suite(.serialized, .ofPair(.healing)) struct Burst {
  @Test func `thousands of changes in a second converge, in bounded memory`() async throws {
    try await DaemonWorld.run(
      .healing, settings: ["SYNC_DELETE_LIMIT_PERCENT": "100", "SYNC_DELETE_LIMIT_ROWS": "10000"]
    ) { world in
      _ = try await world.change("insert into items select i, 'v' from generate_series(1, 100) i")
      try await world.daemon.waitUntilLive()
      let resident = world.daemon.residentMemory
      let passes = try await world.daemon.status().pass.count
      let start = ContinuousClock.now
      for number in 1...40 {
        let first = number * 1_000
        try await world.stack.source.script(
          """
          insert into items select i, repeat('burst ', 50) from generate_series(\(first), \(first) + 149) i;
          update items set v = 'burst', updated_at = now() where id between \(first) and \(first) + 20;
          delete from items where id between \(first) + 40 and \(first) + 60;
          """)
      }
      let written = ContinuousClock.now - start
      try await world.daemon.waitUntilEqual(world.stack, ["items"])
      let equal = ContinuousClock.now - start
      let status = try await world.daemon.waitUntilLive()
      let growth = world.daemon.peakMemory - resident
      print(
        """
        burst: 7,680 changes written in \(written), equal after \(equal), live again after \
        \(ContinuousClock.now - start); \(status.pass.count - passes) passes; memory \(resident >> 20) MiB before, \
        \(world.daemon.peakMemory >> 20) MiB at most
        """)
      #expect(status.pass.count > passes)
      #expect(growth < 64 << 20)
      #expect(status.tables[0].waiting == 0)
      // And then it follows as before.
      _ = try await world.change("update items set v = 'after' where id = 1000")
    }
  }
}
