import Mirror
import Supabase
import Testing

private typealias Probe = FeedProbe

@Test func `a channel whose beat does not come back is joined anew, the others are left alone`() {
  var probe = Probe.live(["a", "b"])
  probe.flows["a"] = nil
  probe.advance(by: .seconds(24))
  #expect(probe.joins.isEmpty && probe.feed("a") == .unproven && probe.feed("b") == .live)
  let answered = probe.beats[0] + Probe.writeTime
  probe.advance(by: .seconds(2))
  #expect(probe.actions.contains { $0.action == .rejoin("a") })
  #expect(probe.joins == [answered + .seconds(20)])
  #expect(probe.feed("a") == .joining && probe.status.problem.contains("channel a is silent"))
  // What is still under way of the old join counts for nothing.
  probe.receive(.subscribed(channel: "a", join: 1, isFirst: false))
  probe.see(probe.beat, "a", join: 1)
  #expect(probe.feed("a") == .joining && probe.passTimes.isEmpty)
  probe.subscribe("a", join: 2)
  probe.advance(by: .seconds(5))
  #expect(probe.state == .live && probe.passTimes.count == 1)
}

@Test(arguments: [["a"], ["a", "b"]])
func `where all channels are silent the socket is opened anew, with longer and longer pauses`(
  names: [String]
) {
  var probe = Probe.live(names)
  probe.flows = [:]
  var join = 1
  var times: [Duration] = []
  for _ in 0..<8 {
    let before = times.count
    probe.advance(step: .seconds(1)) { $0.joins.count > before }
    times = probe.joins
    #expect(times.count == before + 1 && !probe.actions.contains { $0.action == .rejoin("a") })
    join += 1
    probe.connect()
    for name in names { probe.subscribe(name, join: join, flows: false) }
  }
  let pauses = zip(times, times.dropFirst()).map { ($1 - $0).components.seconds }
  guard pauses.count == 7 else { return }
  #expect(pauses[0] >= 10 && pauses[0] <= 22, "not before it could have come back")
  #expect(pauses[2...] == [40, 80, 160, 300, 300])
  #expect(!probe.status.problem.isEmpty && probe.lines.count == 1)
  // Back, and for long enough that the next silence is a new one.
  for name in names { probe.flows[name] = join }
  probe.advance(by: .seconds(310))
  #expect(probe.state == .live)
  probe.flows = [:]
  probe.forget()
  probe.advance(by: .seconds(32))
  #expect(probe.joins.count == 1)
  probe.connect()
  for name in names { probe.subscribe(name, join: join + 1, flows: false) }
  probe.advance(by: .seconds(32))
  #expect(probe.joins.count == 2)
}

@Test func `a beat that cannot be written is no sign of a dead feed`() {
  var probe = Probe.live()
  probe.isUp = false
  probe.advance(by: .seconds(3_600 * 24))
  #expect(probe.joins.isEmpty && probe.passTimes.isEmpty)
  #expect(probe.state == .unproven && probe.status.problem.contains("cannot be written"))
  #expect(probe.lines.count < 60)
  // Beats from before the failure tell nothing of what the database's restart has lost.
  probe.isUp = true
  probe.advance(by: .seconds(20))
  #expect(probe.state == .live && probe.passTimes.count == 1)
}

@Test func `a beat from before a failed write does not prove what came after it`() {
  var probe = Probe.live()
  probe.flows = [:]
  probe.advance { !$0.beats.isEmpty && $0.writing == nil }
  let late = probe.beat
  probe.isUp = false
  probe.advance(by: .milliseconds(10_150))
  probe.see(late, "a", join: 1)
  #expect(probe.state == .live && probe.passTimes.isEmpty)
  probe.isUp = true
  probe.flows["a"] = 1
  probe.advance(by: .seconds(12))
  #expect(probe.state == .live && probe.passTimes.count == 1)
}

@Test func `a beat that was lost among others is a gap`() {
  var probe = Probe.live()
  probe.flows = [:]
  probe.advance { !$0.beats.isEmpty && $0.writing == nil }
  probe.flows["a"] = 1
  #expect(probe.passTimes.isEmpty)
  probe.advance(by: .seconds(12))
  #expect(probe.passTimes.count == 1 && probe.joins.isEmpty && probe.state == .live)
  #expect(probe.status.gapsHealed == 2 && probe.lines.count == 1)
}

@Test func `a refused channel is polled and does not keep the others from being live`() {
  var probe = Probe(["a", "b"])
  probe.connect()
  probe.receive(.refused(channel: "b", .noTable))
  probe.subscribe("a", join: 1)
  probe.advance(by: .seconds(200))
  #expect(probe.state == .live && probe.feed("b") == .refused)
  #expect(probe.status.problem.contains("channel b is refused"))
  #expect(probe.health.status(of: "b", at: probe.now).problem == "no such table")
  #expect(probe.joins.isEmpty)
  for _ in 0..<10 { probe.receive(.refused(channel: "b", .noTable)) }
  #expect(probe.lines.count == 2, "one for the channel, one for being live")
  probe.forget()
  probe.subscribe("b", join: 2)
  probe.advance(by: .seconds(5))
  #expect(probe.feed("b") == .live && probe.passTimes.count == 1)
}

@Test func `where every channel is refused the feed is not live`() {
  var probe = Probe()
  probe.connect()
  probe.receive(.refused(channel: "a", .noTable))
  probe.advance(by: .seconds(600))
  #expect(probe.state == .joining && probe.joins.isEmpty)
}

@Test func `a lossy channel is joined anew, with pauses, and a pass looks for more`() {
  var probe = Probe.live(["a", "b"])
  var join = 1
  /// When it was joined anew, in seconds from the first loss on.
  func lose(_ probe: inout Probe, times: Int) -> [Int64] {
    let start = probe.now
    probe.forget()
    for count in 1...times {
      probe.take(probe.health.lossFound(channel: "a", rows: 3, at: probe.now))
      probe.advance(step: .seconds(1)) { $0.joins.count == count }
      join += 1
      probe.subscribe("a", join: join)
      probe.advance(by: .seconds(3))
      #expect(probe.state == .live)
    }
    #expect(probe.actions.filter { $0.action == .rejoin("a") }.count == times)
    return probe.joins.map { ($0 - start).components.seconds }
  }
  #expect(lose(&probe, times: 4) == [0, 10, 30, 70])
  #expect(probe.status.missedRows == 12)
  #expect(probe.lines.filter { $0.message.contains("lost") }.count == 1)
  #expect((4...8).contains(probe.passTimes.count))
  // It held for long: what was before does not matter.
  probe.advance(by: .seconds(310))
  #expect(lose(&probe, times: 2) == [0, 10])
}

@Test func `a feed that goes up and down all day is told of a few times an hour`() {
  var probe = Probe.live()
  for minute in 0..<720 {
    probe.receive(.disconnected(.lost))
    probe.advance(by: .seconds(60))
    probe.connect()
    probe.subscribe("a", join: minute + 2)
    probe.advance(by: .seconds(60))
    #expect(probe.state == .live)
  }
  #expect((72...150).contains(probe.lines.count))
}

@Test func `a join without an answer is tried again`() {
  var probe = Probe(["a", "b"])
  probe.connect()
  probe.subscribe("b", join: 1)
  probe.forget()
  probe.advance(by: .seconds(119))
  #expect(probe.joins.isEmpty)
  probe.advance(by: .seconds(1))
  #expect(probe.actions.contains { $0.action == .rejoin("a") })
}

@Test func `new channels are joined, equal ones go on, and none is off`() {
  var probe = Probe.live()
  probe.take(
    probe.health.reset(
      channels: [Probe.channel("a"), Probe.channel("b")], hasMarker: true, at: probe.now))
  #expect(probe.feed("a") == .live && probe.feed("b") == .joining && probe.passTimes.isEmpty)
  probe.subscribe("b", join: 1)
  probe.advance(by: .seconds(5))
  #expect(probe.state == .live && probe.passTimes.count == 1)
  probe.forget()
  probe.take(
    probe.health.reset(channels: [Probe.channel("a")], hasMarker: false, at: probe.now))
  probe.advance(by: .seconds(10))
  #expect(probe.state == .unproven && probe.passTimes.count == 2)
  probe.take(probe.health.reset(channels: [], hasMarker: false, at: probe.now))
  #expect(probe.state == .off && probe.health.nextDeadline == nil)
}

enum Outage: CaseIterable {
  case unreachable, closing, silent, unanswered, refused, flapping
}

@Test(arguments: Outage.allCases)
func `an outage of a day is no flood`(outage: Outage) {
  var probe = Probe.live(["a", "b", "c"])
  var join = 1
  probe.flows = [:]
  for _ in 0..<(24 * 60) {
    for name in ["a", "b", "c"] {
      join += 1
      switch outage {
      case .unreachable: probe.receive(.disconnected(.lost))
      case .closing:
        probe.connect()
        probe.receive(.disconnected(.lost))
      case .unanswered: probe.connect()
      case .silent where probe.feed(name) == .joining:
        probe.connect()
        probe.subscribe(name, join: join, flows: false)
      case .refused:
        probe.connect()
        probe.receive(.refused(channel: name, .noTable))
        probe.receive(.ended(channel: name, .lost))
      case .flapping:
        probe.connect()
        probe.subscribe(name, join: join)
        probe.advance(by: .seconds(10))
        probe.receive(.ended(channel: name, .lost))
      default: break
      }
    }
    probe.advance(by: .seconds(60))
  }
  #expect(probe.joins.count < 1_000)
  #expect(probe.lines.count < (outage == .refused || outage == .flapping ? 100 : 60))
  #expect(probe.lines.count >= 24, "and it is not silent either")
  // At the end of the outage.
  probe.connect()
  for name in ["a", "b", "c"] { probe.subscribe(name, join: join + 1) }
  let back = probe.now
  probe.advance(by: .seconds(15))
  #expect(probe.state == .live && probe.passTimes.contains { $0 >= back })
}
