import JSON
import Mirror
import Supabase
import Testing

struct VerifyDecisionTests {
  private func range(_ lower: Int?, _ upper: Int?) -> KeySpan {
    KeySpan(lower: lower.map { RowKey([int($0)]) }, upper: upper.map { RowKey([int($0)]) })
  }

  @Test func `calls become as large as their time allows`() {
    var size = ChunkSize()
    #expect(size.rows == 16_384)
    size.took(.milliseconds(50), for: 16_384)
    #expect(size.rows == 32_768)
    size.took(.milliseconds(400), for: 32_768)
    #expect(size.rows == 40_960)
    // The table's end tells nothing.
    size.took(.milliseconds(1), for: 10)
    #expect(size.rows == 40_960)
    size.took(.seconds(5), for: 40_960)
    #expect(size.rows == 20_480)
    var shrinks = 0
    while size.shrink() { shrinks += 1 }
    #expect(size.rows == 128 && shrinks == 4)
    for _ in 0..<100 { size.took(.zero, for: size.rows) }
    #expect(size.rows == 4 << 20)
  }

  @Test func `a range that differs is cut on the side that has more, and listed when it is small`()
  {
    var narrowing = Narrowing()
    narrowing.add(range(0, 10), source: 10, target: 9)
    narrowing.add(range(10, 138), source: 128, target: 127)
    narrowing.add(range(138, nil), source: 1, target: 5_000)
    narrowing.add(range(200, 300), source: 100, target: 100)
    var steps: [Narrowing.Step] = []
    while let step = narrowing.next(rows: 10_000) { steps.append(step) }
    // Those that can share a request do, wherever they stand, and small ones wait for others.
    #expect(
      steps == [
        .cut(
          [range(200, 300), range(10, 138)], origin: Narrowing.Origin(side: .source), partRows: 8),
        .cut([range(138, nil)], origin: Narrowing.Origin(side: .target), partRows: 512),
        .list([range(0, 10)]),
      ])
    #expect(narrowing.isEmpty && !narrowing.ordersDiffer)
  }

  @Test func `small ranges are listed once there are enough for a request`() {
    var narrowing = Narrowing()
    for start in 0..<300 {
      narrowing.add(range(start * 10, start * 10 + 10), source: 9, target: 10)
    }
    narrowing.add(range(9_000, 9_100), source: 100, target: 99)
    var sizes: [Int] = []
    while let step = narrowing.next(rows: 10_000) {
      switch step {
      case .list(let ranges): sizes.append(ranges.count)
      case .cut: sizes.append(-1)
      }
    }
    #expect(sizes == [256, -1, 44])
  }

  @Test func `ranges of like sizes share a request, but for so many rows`() {
    var narrowing = Narrowing()
    for start in 0..<10 {
      narrowing.add(range(start * 100, start * 100 + 100), source: 100, target: 99)
    }
    var sizes: [Int] = []
    while case .cut(let ranges, _, _)? = narrowing.next(rows: 400) { sizes.append(ranges.count) }
    #expect(sizes == [4, 4, 2])
  }

  @Test(arguments: [true, false])
  func `where most ranges differ, the rows of one are listed at once`(isDense: Bool) {
    var narrowing = Narrowing(isDense: isDense)
    narrowing.add(.all, source: 128, target: 119)
    let step = narrowing.next(rows: 1_000)
    #expect((step == .list([.all])) == isDense)
  }

  @Test func `sides that hold other rows in every range have other orders`() {
    var narrowing = Narrowing()
    narrowing.add(range(nil, 1), source: 128, target: 1_000_000)
    var turns = 0
    while case .cut(_, let origin, _)? = narrowing.next(rows: 1_000_000) {
      turns += 1
      // Whatever is cut on one side, the other has all its rows there.
      let other = origin.side == .source
      narrowing.add(
        range(nil, turns), source: other ? 4 : 1_000_000, target: other ? 1_000_000 : 4,
        origin: origin)
    }
    #expect(narrowing.ordersDiffer && turns < 10)
  }

  /// What a look finds: source, target, and what the mirror did since the source was first seen so.
  private typealias Look = (source: Int, target: Int, pass: Suspect.MirrorPass)

  private func verdict(_ looks: [Look]) -> (Suspect.Verdict, Duration) {
    var suspect = Suspect(at: .zero)
    var verdict = Suspect.Verdict.again
    var time = Duration.zero
    for look in looks {
      time = suspect.due
      verdict = suspect.look(
        source: RangeDigest(rows: 1, sum: int(look.source)),
        target: RangeDigest(rows: 1, sum: int(look.target)), at: time, now: 0,
        pass: { _ in look.pass })
      if verdict != .again { break }
    }
    return (verdict, time)
  }

  @Test func `only what stays the same and different is a fault`() {
    let still = Look(1, 2, .none)
    #expect(verdict([still, still]) == (.again, .seconds(3)))
    #expect(verdict([still, still, still]) == (.fault, .seconds(7)))
    #expect(verdict([still, still, (1, 1, .none)]).0 == .equal)
    #expect(verdict([still, still, (3, 2, .none), (3, 2, .none)]).0 == .again)
    #expect(verdict((0..<100).map { ($0, -1, .none) }).0 == .unsettled)
    // A running mirror has the time of a pass …
    let awaited = Look(1, 2, .awaited)
    #expect(verdict(Array(repeating: awaited, count: 10)).0 == .again)
    #expect(verdict(Array(repeating: awaited, count: 10) + [(1, 2, .ended)]).0 == .fault)
    // … and no more than its patience.
    let (end, time) = verdict(Array(repeating: awaited, count: 100))
    #expect(end == .fault && time > .seconds(150) && time < .seconds(165))
  }
}
