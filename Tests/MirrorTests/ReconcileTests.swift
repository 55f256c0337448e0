import JSON
import Mirror
import Supabase
import Testing

@Test func `a first pass copies everything`() async {
  let world = await World.items()
  await world.fill(1...2_000)
  let report = await world.pass()
  #expect(report.isClean, "\(report)")
  #expect(report.items.upserted == 2_000)
  await world.expectEqual()
}
