import Mirror
import Supabase
import Testing

/// A change to the live mirror of the samples.
struct Change: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let status: MirrorStatus
  let expected: String

  init(_ name: String, _ expected: String, _ change: (inout MirrorStatus) -> Void) {
    testDescription = name
    self.expected = expected
    var status = SampleStatus.live
    change(&status)
    self.status = status
  }
}

private func ago(_ duration: Duration) -> Int64 { SampleStatus.ago(duration) }

@Suite struct ReadinessTests {
  static let reasons = [
    Change("live", "") { _ in },
    Change("held and quarantined rows are told elsewhere", "") {
      $0.tables[0].held = 3
      $0.tables[0].quarantined = 3
    },
    Change("a refused table is polled", "") { $0.tables[0].feed = .refused },
    Change("source down", "the source is unreachable since 14:14 UTC (30 s): gone") {
      $0.source.downSince = ago(.seconds(30))
      $0.source.problem = "gone"
    },
    Change("target down", "the target is unreachable since 14:15 UTC (1 s)") {
      $0.target.downSince = ago(.seconds(1))
    },
    Change("before the first pass's end", "the first pass has not ended") { $0.pass.count = 0 },
    Change("disconnected", "the feed is disconnected since 14:15 UTC (9 s): reset") {
      $0.feed.state = .disconnected
      $0.feed.since = ago(.seconds(9))
      $0.feed.problem = "reset"
    },
    Change("joining", "the feed is being joined since 13:02 UTC (73 min)") {
      $0.feed.state = .joining
    },
    Change("unproven", "nothing proves that changes flow") { $0.feed.state = .unproven },
    Change("a gap", "a gap in the feed is being healed since 14:15 UTC (3 s)") {
      $0.feed.gapSince = ago(.seconds(3))
    },
    Change("nothing measured", "no marker row has reached the target yet") { $0.lags = [] },
    Change("lag over the limit", "the copy is 61 s behind, and the limit is 60 s") {
      $0.lags[$0.lags.count - 1].lag = .seconds(61)
    },
    Change("lag at the limit", "") { $0.lags[$0.lags.count - 1].lag = .seconds(60) },
    Change("no marker row of late", "the copy is 80 s behind") {
      $0.lags = [LagSample(time: ago(.seconds(100)), lag: .seconds(1))]
    },
    Change("seldom marker rows", "") {
      $0.heartbeatInterval = .seconds(60)
      $0.lags = [LagSample(time: ago(.seconds(100)), lag: .seconds(1))]
    },
    Change("a stopped table", "public.orders: no column x") {
      $0.tables[1].failure = "no column x"
    },
    Change("no feed, a clean pass of late", "") { polled(&$0, .seconds(60)) },
    Change("no feed, the clean pass is old", "no clean pass since 14:14 UTC (61 s)") {
      polled(&$0, .milliseconds(61_001))
    },
    Change("no feed, long passes", "") {
      polled(&$0, .seconds(160))
      $0.pass.lastElapsed = .seconds(100)
    },
    Change("no feed, the last pass was not clean", "the last pass was not clean") {
      polled(&$0, .seconds(40))
      $0.pass.lastExitCode = .incomplete
    },
    Change("no feed, none was clean", "no pass was clean yet") {
      polled(&$0, .seconds(40))
      $0.pass.lastClean = nil
    },
  ]

  private static func polled(_ status: inout MirrorStatus, _ age: Duration) {
    status.feed = FeedStatus(state: .off, since: status.startedAt)
    status.lags = []
    status.pass.lastClean = ago(age)
    status.pass.lastElapsed = .seconds(1)
  }

  @Test(arguments: reasons) func `tells what is in the way`(change: Change) {
    let readiness = Readiness(change.status)
    #expect(readiness.isReady == change.expected.isEmpty, "\(readiness.reasons)")
    #expect(readiness.reasons.count == (change.expected.isEmpty ? 0 : 1), "\(readiness.reasons)")
    #expect(readiness.reasons.first?.hasPrefix(change.expected) ?? true, "\(readiness.reasons)")
  }

  static let verdicts: [(Verdict.Level, Change)] = [
    (.good, Change("live", "Live: the copy is 0.4 s behind") { _ in }),
    (
      .bad,
      Change("both down", "Source and target unreachable since 14:14 UTC (70 s)") {
        $0.source.downSince = ago(.seconds(20))
        $0.target.downSince = ago(.seconds(70))
      }
    ),
    (
      .bad,
      Change("down for days", "Target unreachable since 2026-11-18 14:15 UTC (3 days)") {
        $0.target.downSince = ago(.seconds(259_200))
      }
    ),
    (
      .bad,
      Change("stopped tables", "2 tables have stopped") {
        $0.tables[0].failure = "f"
        $0.tables[1].failure = "f"
      }
    ),
    (.busy, Change("first pass", "Copying: the first pass is under way") { $0.pass.count = 0 }),
    (
      .busy,
      Change("a short disconnection", "Feed disconnected since 14:15 UTC (5 s)") {
        $0.feed.state = .disconnected
        $0.feed.since = ago(.seconds(5))
      }
    ),
    (
      .bad,
      Change("a long disconnection", "Feed disconnected since 14:13 UTC (2 min)") {
        $0.feed.state = .disconnected
        $0.feed.since = ago(.seconds(125))
      }
    ),
    (
      .busy,
      Change("joining", "Healing: the feed is being joined") {
        $0.feed.state = .joining
        $0.feed.since = ago(.seconds(5))
      }
    ),
    (
      .bad,
      Change("joining for long", "Feed not joined since 13:02 UTC (73 min)") {
        $0.feed.state = .joining
      }
    ),
    (
      .bad,
      Change("behind", "Behind: the copy is 4 min behind") {
        $0.lags = [LagSample(time: SampleStatus.now, lag: .seconds(250))]
      }
    ),
    (
      .busy,
      Change("gap", "Healing: a pass reads what the feed may have missed") {
        $0.feed.gapSince = ago(.seconds(3))
      }
    ),
    (.warning, Change("one held", "1 delete is held") { $0.tables[0].held = 1 }),
    (
      .warning,
      Change("both", "1,200 deletes are held, 1 row is in quarantine") {
        $0.tables[0].held = 1_000
        $0.tables[1].held = 200
        $0.tables[1].quarantined = 1
      }
    ),
    (
      .warning,
      Change("unproven", "Unproven: nothing shows that changes flow") { $0.feed.state = .unproven }
    ),
    (
      .warning,
      Change("refused", "1 table is polled only: the feed refuses it") {
        $0.tables[0].feed = .refused
      }
    ),
    (.warning, Change("a problem", "One thing needs attention") { $0.problems = ["p"] }),
    (.busy, Change("not measured", "Live: the lag is not known yet") { $0.lags = [] }),
    (
      .good,
      Change("polled", "Polling: the last clean pass ended 20 s ago") {
        polled(&$0, .seconds(20))
      }
    ),
    (
      .bad,
      Change("polled, late", "No pass since 14:13 UTC (2 min ago)") { polled(&$0, .seconds(122)) }
    ),
    (
      .warning,
      Change("polled, not clean", "The last pass was not clean") {
        polled(&$0, .seconds(20))
        $0.pass.lastExitCode = .incomplete
      }
    ),
  ]

  @Test(arguments: verdicts)
  func `the verdict says the worst first`(level: Verdict.Level, change: Change) {
    let verdict = Verdict(change.status)
    #expect(verdict.headline == change.expected)
    #expect(verdict.level == level)
  }

  @Test(arguments: reasons + verdicts.map(\.1))
  func `what is not ready is never shown as good`(change: Change) {
    if !Readiness(change.status).isReady { #expect(Verdict(change.status).level != .good) }
  }

  @Test func `a clock that was set back does no harm`() {
    var status = SampleStatus.sourceDown
    status.takenAt -= 3_600_000_000
    status.source.downSince = SampleStatus.now
    #expect(Verdict(status).headline.hasSuffix("(0 s)"))
    _ = StatusPage(status).html + StatusText(status).plain + StatusMetrics(status).text
  }
}
