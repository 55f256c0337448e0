import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

extension DaemonWorld {
  /// Rows that passes and the feed have asked the source for, whole, since requests were forgotten.
  fileprivate func fetched() async -> Int {
    await source.requests.reduce(0) { sum, request in
      guard request.table?.name == "items" else { return sum }
      return sum + (request.kind == .rows ? request.count : 0)
    }
  }
}

@Test(.timeLimit(.minutes(5)), arguments: [true, false])
func `what the feed has brought is neither fetched nor written by passes`(
  horizon: Bool
) async throws {
  let world = try await DaemonWorld.following { world in
    if !horizon { _ = await world.world.withoutHorizon() }
  }
  await world.world.forgetRequests()
  for id in 101...140 { await world.put(id, "by the feed") }
  await world.settle()
  #expect(await world.fetched() == 40)
  let passes = await world.passes
  await world.world.forgetRequests()
  #expect(await world.run(within: .seconds(100)) { await world.passes >= passes + 2 })
  #expect(await world.fetched() == 0)
  #expect(
    await world.source.requests.allSatisfy {
      // The clock, by any table's first row, apart.
      $0.table?.name != "items" || $0.count == 1 || $0.query?.columns == ["updated_at", "id"]
    })
  #expect(await world.target.requests.allSatisfy { $0.table?.name != "items" })
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `what a pass finds and the feed did not tell is still its loss`() async throws {
  let world = try await DaemonWorld.following()
  await world.run(for: .seconds(40))
  world.setFeed { $0.loses = { $0.table != .marker } }
  await world.put(101, "lost")
  await world.run(for: .seconds(45))
  await world.world.expectEqual()
  #expect(await world.daemon.health.counts.missedRows == 1)
  await world.stop()
}
