import Mirror
import Testing

/// The longest silence after a refusal, the longest pause, the time a silence takes to be noticed, a join and a pass.
private let patience = Duration.seconds(1_400)

@Test(arguments: 0..<20 as Range<UInt64>)
func `after any faults the feed is live, and every loss in a gap is followed by a pass`(
  part: UInt64
) {
  for seed in part * 50..<(part + 1) * 50 {
    var world = FeedWorld(seed: seed)
    world.run(until: world.faultsEnd)
    while world.now < world.faultsEnd + patience, !world.isHealed {
      world.run(until: world.now + .seconds(10))
    }
    #expect(world.isWhole, "seed \(seed) is not joined")
    let status = world.health.status(at: world.now, startedAt: 0)
    #expect(status.state == .live, "seed \(seed): \(status.problem)")
    let lost = world.lost.last ?? .zero
    let begun = world.askedBegins.last ?? .zero
    #expect(!world.lost.isEmpty, "seed \(seed) tests nothing")
    #expect(
      begun >= lost, "seed \(seed): lost at \(lost), last pass that was asked for at \(begun)")
    #expect(
      world.lines < 60 && world.rejoins < 200,
      "seed \(seed): \(world.lines) \(world.rejoins)")
    // A pause may still be waited for; after it nothing more is done.
    world.run(until: world.now + .seconds(320))
    let passes = world.askedAt.count
    let joins = world.rejoins
    world.run(until: world.now + .seconds(60))
    #expect(world.askedAt.count == passes && world.rejoins == joins, "seed \(seed) does not rest")
    #expect(world.health.status(at: world.now, startedAt: 0).gapsHealed > 0)
  }
}

extension FeedWorld {
  fileprivate var isHealed: Bool {
    isWhole && health.status(at: now, startedAt: 0).state == .live
      && (askedBegins.last ?? .zero) >= (lost.last ?? .zero)
  }
}
