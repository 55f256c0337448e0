import Testing

@testable import LocalSupabase

@Suite struct EventRateTests {
  /// Events at a second each, and in which whole seconds there are too many of them.
  struct Case: CustomTestStringConvertible {
    var testDescription: String
    var limit: Int? = 100
    var events: [Int: Int]
    var exceeded: [Range<Int>]
  }

  static let cases = [
    Case(
      testDescription: "a burst of 1,500, as recorded: thrown away for ten seconds",
      events: [2: 1_500], exceeded: [5..<15]),
    Case(
      testDescription: "1,000 in the first tick are just too many", events: [1: 1_000],
      exceeded: [5..<10]),
    Case(testDescription: "999 in the first tick are not", events: [1: 999], exceeded: []),
    Case(
      testDescription: "an old count needs 6,000 in a minute", events: [70: 5_999], exceeded: []),
    Case(
      testDescription: "and then stays exceeded until the minute is over", events: [70: 6_000],
      exceeded: [75..<135]),
    Case(
      testDescription: "a steady rate below the limit",
      events: Dictionary(uniqueKeysWithValues: (1..<200).map { ($0, 99) }), exceeded: []),
    Case(testDescription: "no limit", limit: nil, events: [1: 1_000_000], exceeded: []),
  ]

  @Test(arguments: cases) func `the average over a minute decides`(_ item: Case) {
    var rate = EventRate(limit: item.limit, tick: .seconds(5), now: .zero)
    for second in 0..<200 {
      rate.advance(to: .seconds(second))
      let isExceeded = item.exceeded.contains { $0.contains(second) }
      #expect(rate.isExceeded == isExceeded, "at \(second) s")
      rate.count(item.events[second] ?? 0)
    }
  }

  @Test func `pauses grow to their limit and begin anew`() {
    var pause = RetryPause(.milliseconds(100)...Duration.seconds(5))
    var last = Duration.milliseconds(100)
    for _ in 0..<100 {
      let next = pause.next()
      #expect(next >= min(last, .seconds(5) / 3) && next <= min(last * 3, .seconds(5)))
      last = next
    }
    pause.reset()
    #expect(pause.next() <= .milliseconds(300))
  }

  @Test(arguments: [
    ("2026-11-21 02:12:50.423999+00", "2026-11-21T02:12:50.423Z"),
    ("2026-11-21 02:12:50.4+00", "2026-11-21T02:12:50.400Z"),
    ("2026-11-21 02:12:50+00", "2026-11-21T02:12:50.000Z"),
    ("2026-11-21 04:12:50.4+02", nil),
    ("10000-11-21 04:12:50.4+00", nil),
  ]) func `commit times are cut to milliseconds`(_ text: String, _ expected: String?) {
    #expect(CommitTimestamp.utc(text) == expected)
  }
}
