import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

@Test(.timeLimit(.minutes(1)))
func `inserts, updates, deletes and changed keys arrive by the feed, without a pass`() async throws
{
  let world = try await DaemonWorld.following()
  let passes = await world.passes
  // Dated long ago: no look-back reaches it.
  await world.put(101, "new", age: 300 * day)
  await world.put(1, "changed", age: 300 * day)
  await world.erase([2])
  let old = world.world.now - 300 * day
  await world.source.change {
    $0.rekey("items", RowKey([int(3)]), to: [int(300), time(old), text("moved")])
  }
  await world.settle()
  await world.world.expectEqual()
  #expect(await world.passes == passes)
  let status = await world.daemon.status()
  #expect(status.tables[0].deleted == 2 && status.tables[0].waiting == 0)
  #expect(status.tables[0].lag! < .milliseconds(1))
  await world.stop()
}
