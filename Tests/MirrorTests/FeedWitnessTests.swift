import JSON
import Mirror
import Supabase
import Testing

private func key(_ id: Int) -> RowKey { RowKey([JSONToken(int: id)]) }
private let items = TableName(name: "items")

private func witness() -> FeedWitness { FeedWitness(interval: .seconds(10)) }

@Test func `a row that a reconcile found and no event named by the next beat is lost`() {
  var witness = witness()
  witness.found([key(1), key(2), key(3)], of: items, begunBeat: 7)
  #expect(witness.saw(beat: 7, at: .seconds(1)) == 0, "it may be committed before the rows")
  witness.signalled(key(2), of: items)
  witness.signalled(key(3), of: TableName(name: "others"))
  #expect(witness.saw(beat: 8, at: .seconds(2)) == 2)
  #expect(witness.saw(beat: 9, at: .seconds(3)) == 0, "each is told once")
}

/// Beats seen between the event and the reconcile, ten seconds apart, and whether the event is remembered.
@Test(arguments: [(0, true), (1, true), (2, false)])
func `a row whose event came shortly before is no suspect`(beats: Int, isRemembered: Bool) {
  var witness = witness()
  _ = witness.saw(beat: 1, at: .zero)
  witness.signalled(key(1), of: items)
  for beat in 0..<beats { _ = witness.saw(beat: Int64(beat) + 2, at: .seconds(10 * (beat + 1))) }
  // Beats that come faster than the interval do not shorten the memory.
  for beat in 10..<20 { _ = witness.saw(beat: Int64(beat), at: .seconds(10 * beats + 1)) }
  witness.found([key(1)], of: items, begunBeat: 30)
  #expect(witness.saw(beat: 31, at: .seconds(99)) == (isRemembered ? 0 : 1))
}

@Test func `strings are compared by what they say`() throws {
  var witness = witness()
  witness.signalled(RowKey([JSONToken(bytes: Array(#""caf\u00e9""#.utf8))]), of: items)
  witness.found([RowKey([JSONToken(string: "café")])], of: items, begunBeat: 1)
  #expect(witness.suspectCount == 0)
}

@Test func `after more events than can be remembered there is no judgement for that time`() {
  var witness = witness()
  for id in 0..<FeedWitness.recentLimit { witness.signalled(key(id), of: items) }
  witness.found([key(-1)], of: items, begunBeat: 1)
  #expect(witness.suspectCount == 1)
  witness.signalled(key(-2), of: items)
  witness.found([key(-3)], of: items, begunBeat: 1)
  #expect(witness.suspectCount == 1)
  for beat in 0..<2 {
    #expect(witness.saw(beat: 2 + Int64(beat), at: .seconds(10 * beat)) == 1 - beat)
  }
  witness.found([key(-3)], of: items, begunBeat: 3)
  #expect(witness.suspectCount == 1)
}

@Test func `an event without a readable key clears every suspect`() {
  var witness = witness()
  witness.found([key(1)], of: items, begunBeat: 1)
  witness.signalledUnknown()
  #expect(witness.saw(beat: 2, at: .zero) == 0)
}

@Test func `suspects are bounded, and a gap forgets them`() {
  var witness = witness()
  witness.found((0..<1_000).map(key), of: items, begunBeat: 1)
  #expect(witness.suspectCount == FeedWitness.suspectLimit)
  witness.reset()
  #expect(witness.saw(beat: 2, at: .zero) == 0)
}

@Test(arguments: [
  ("bigint", true), ("uuid", true), ("text", true), ("character", false), ("bytea", false),
  ("timestamp with time zone", false), ("numeric", false),
])
func `keys that the feed writes in its own way are not judged`(format: String, isJudged: Bool) {
  #expect(FeedWitness.canJudge(format: format) == isJudged)
}

/// Rows are committed, reported in order after a while, and found by reconciles at any time; some are never reported.
@Test(arguments: 0..<200 as Range<UInt64>)
func `only rows that were never reported are called lost`(seed: UInt64) {
  var random = SeededGenerator(seed: seed)
  let isLossy = seed % 2 == 1
  var witness = witness()
  var beat: Int64 = 0
  var wire: [(isBeat: Bool, id: Int)] = []
  var unreported: Set<Int> = []
  var lost = 0
  var foundUnreported: Set<Int> = []
  for step in 0..<300 {
    switch Int.random(in: 0..<10, using: &random) {
    case 0:
      beat += 1
      wire.append((true, Int(beat)))
    case 1...4:
      if isLossy, Int.random(in: 0..<10, using: &random) == 0 {
        unreported.insert(step)
      } else {
        wire.append((false, step))
      }
    case 5:
      // The reconcile finds what was committed in the last steps, reported or not.
      let pending = wire.filter { !$0.isBeat }.map(\.id)
      let fresh = unreported.filter { $0 > step - 20 && !foundUnreported.contains($0) }
      foundUnreported.formUnion(fresh)
      witness.found((pending + fresh).map(key), of: items, begunBeat: beat)
    default:
      guard !wire.isEmpty else { break }
      let next = wire.removeFirst()
      if next.isBeat {
        lost += witness.saw(beat: Int64(next.id), at: .seconds(step))
      } else {
        witness.signalled(key(next.id), of: items)
      }
    }
  }
  for next in wire where !next.isBeat { witness.signalled(key(next.id), of: items) }
  lost += witness.saw(beat: beat + 1, at: .seconds(1_000))
  #expect(lost == foundUnreported.count)
}
