import Mirror
import Supabase
import Testing

private typealias Probe = FeedProbe

@Test func `a channel is live once a beat begun after its subscription comes back`() {
  var probe = Probe(hasMarker: true)
  #expect(probe.state == .disconnected && probe.beats == [.zero])
  probe.connect()
  #expect(probe.state == .joining && probe.feed("a") == .joining)
  probe.subscribe("a", join: 1)
  #expect(probe.state == .joining && probe.feed("a") == .unproven)
  #expect(probe.beats.count == 2, "a beat at once")
  #expect(probe.passTimes.isEmpty)
  probe.advance(by: .milliseconds(99))
  #expect(probe.state == .joining)
  probe.advance(by: .milliseconds(1))
  #expect(probe.state == .live && probe.feed("a") == .live)
  #expect(probe.passTimes == [probe.now])
}

/// What is not a proof: (the beat's number, where the second is written after the subscription; its join).
@Test(arguments: [(1, 1), (2, 0), (2, 2), (3, 1)])
func `an older beat, another join's and an unknown one prove nothing`(beat: Int64, join: Int) {
  var probe = Probe()
  probe.connect()
  probe.subscribe("a", join: 1, flows: false)
  probe.advance(by: .milliseconds(100))
  probe.see(beat, "a", join: join)
  #expect(probe.feed("a") == .unproven)
  probe.see(2, "a", join: 1)
  #expect(probe.feed("a") == .live)
}

@Test func `a beat may come back before its write is answered`() {
  var probe = Probe()
  probe.connect()
  probe.subscribe("a", join: 1, flows: false)
  probe.see(2, "a", join: 1)
  #expect(probe.feed("a") == .unproven)
  probe.advance(by: .milliseconds(100))
  #expect(probe.feed("a") == .live)
}

@Test func `a beat that was under way at the subscription is followed by another at once`() {
  var probe = Probe()
  probe.advance(by: .seconds(9) + .milliseconds(950))
  probe.forget()
  probe.connect()
  #expect(probe.writing != nil)
  probe.subscribe("a", join: 1)
  probe.advance(by: Probe.writeTime)
  #expect(probe.feed("a") == .unproven, "the first was begun before")
  probe.advance(by: Probe.writeTime)
  #expect(probe.feed("a") == .live && probe.beats.count == 1)
}

@Test func `beats come faster while a proof is awaited, and every interval after it`() {
  var probe = Probe()
  probe.connect()
  probe.forget()
  let start = probe.now
  probe.subscribe("a", join: 1, flows: false)
  probe.advance(by: .seconds(20))
  let gaps = zip(probe.beats, probe.beats.dropFirst()).map { $1 - $0 - Probe.writeTime }
  #expect(probe.beats.first == start)
  #expect(gaps == [1, 2, 4, 8].map { .seconds($0) })
  probe.flows["a"] = 1
  probe.advance(by: .seconds(10))
  probe.forget()
  probe.advance(by: .seconds(60))
  let calm = zip(probe.beats, probe.beats.dropFirst()).map { $1 - $0 - Probe.writeTime }
  #expect(calm.count >= 4 && calm.allSatisfy { $0 == Probe.interval })
}

@Test func `channels that become live together share one pass`() {
  var probe = Probe(["a", "b", "c"])
  probe.connect()
  for name in ["a", "b"] { probe.subscribe(name, join: 1) }
  probe.advance(by: .seconds(2))
  #expect(probe.state == .joining && probe.passTimes.count == 1)
  probe.forget()
  probe.subscribe("c", join: 1)
  probe.advance(by: .seconds(30))
  #expect(probe.state == .live && probe.passTimes.count == 1)
}

/// The pass begins with the last proof that is awaited, or a moment after the first where others stay away.
@Test(arguments: [["a", "b"], ["a", "b", "c"]])
func `a proof within 250 ms of another's shares its pass`(names: [String]) {
  var probe = Probe(names)
  probe.connect()
  for name in names { probe.subscribe(name, join: 1, flows: false) }
  // The first write was under way at the second subscription.
  probe.advance(by: .milliseconds(200))
  probe.see(3, "a", join: 1)
  let first = probe.now
  probe.advance(by: .milliseconds(200))
  #expect(probe.passTimes.isEmpty)
  probe.see(3, "b", join: 1)
  let second = probe.now
  probe.advance(by: .seconds(5))
  #expect(probe.passTimes == [names.count == 2 ? second : first + .milliseconds(250)])
  #expect(probe.status.gapsHealed == 1)
}

@Test func `a pass that began before the proof heals nothing`() {
  var probe = Probe()
  probe.passes = false
  probe.connect()
  probe.subscribe("a", join: 1)
  let stands = probe.now
  probe.advance(by: .milliseconds(50))
  probe.health.passBegan(at: probe.now)
  let tooEarly = probe.now
  probe.advance(by: .milliseconds(100))
  #expect(probe.feed("a") == .live && probe.passTimes.count == 1)
  probe.take(probe.health.passEnded(began: tooEarly, at: probe.now))
  #expect(probe.status.gapsHealed == 0)
  probe.health.passBegan(at: probe.now)
  let began = probe.now
  probe.advance(by: .seconds(7))
  probe.take(probe.health.passEnded(began: began, left: ["a"], at: probe.now))
  #expect(probe.status.gapsHealed == 0, "the channel's tables were left out")
  probe.take(probe.health.passEnded(began: began, at: probe.now))
  #expect(probe.status.gapsHealed == 1 && probe.status.lastHealing == probe.now - stands)
  #expect(probe.passTimes.count == 1)
}

@Test func `passes that fail are not asked for again and again`() {
  var probe = Probe()
  probe.passes = false
  probe.connect()
  probe.subscribe("a", join: 1)
  probe.advance(by: .seconds(1))
  for _ in 0..<50 {
    probe.health.passBegan(at: probe.now)
    probe.advance(by: .seconds(5))
    probe.take(probe.health.passFailed(at: probe.now))
    probe.advance(by: .seconds(60))
  }
  #expect(probe.passTimes.count == 1 && probe.status.gapsHealed == 0)
  probe.health.passBegan(at: probe.now)
  probe.take(probe.health.passEnded(began: probe.now, at: probe.now))
  #expect(probe.status.gapsHealed == 1, "the next regular one healed it")
}

/// A pass is asked for while an earlier request waits for its pass: that pass will do. Once it began, it will not.
@Test func `a proof during a pass asks for another pass`() {
  var probe = Probe(["a", "b"])
  probe.passes = false
  probe.connect()
  probe.subscribe("a", join: 1)
  probe.advance(by: .seconds(5))
  #expect(probe.passTimes.count == 1)
  probe.subscribe("b", join: 1)
  probe.advance(by: .seconds(5))
  #expect(probe.passTimes.count == 1)
  probe.health.passBegan(at: probe.now)
  probe.subscribe("b", join: 1, isFirst: false)
  probe.advance(by: .seconds(5))
  #expect(probe.passTimes.count == 2)
}

@Test func `a second subscription of a join is a gap until a new beat comes back`() {
  var probe = Probe.live()
  probe.subscribe("a", join: 1, isFirst: false, flows: false)
  #expect(probe.feed("a") == .unproven && probe.beats == [probe.now])
  probe.advance(by: .milliseconds(100))
  #expect(probe.passTimes.isEmpty)
  probe.see(probe.beat - 1, "a", join: 1)
  #expect(probe.feed("a") == .unproven)
  probe.see(probe.beat, "a", join: 1)
  #expect(probe.feed("a") == .live && probe.passTimes == [probe.now])
  #expect(probe.lines.isEmpty, "and nothing to speak of")
}

@Test(arguments: [FeedEvent.ended(channel: "a", .lost), .disconnected(.lost)])
func `an end is a gap, healed by a pass after the new join's proof`(end: FeedEvent) {
  var probe = Probe.live()
  #expect(probe.status.gapsHealed == 1)
  probe.receive(end)
  #expect(probe.state != .live && probe.status.problem.contains("lost"))
  #expect(probe.lines.count == 1 && probe.lines[0].level == .warning)
  probe.advance(by: .seconds(3))
  probe.connect()
  probe.see(probe.beat, "a", join: 1)
  #expect(probe.feed("a") == .joining && probe.passTimes.isEmpty)
  probe.subscribe("a", join: 2)
  probe.advance(by: .seconds(5))
  #expect(probe.state == .live && probe.passTimes.count == 1)
  #expect(probe.status.gapsHealed == 2)
  #expect(probe.status.lastHealing == .milliseconds(1_100))
  #expect(probe.lines.count == 2)
  #expect(probe.status.problem.contains("lost"), "the last reason")
}

@Test func `without the marker table every subscription asks for two passes`() {
  var probe = Probe(hasMarker: false)
  probe.connect()
  #expect(probe.beats.isEmpty)
  for isFirst in [true, false] {
    let start = probe.now
    probe.subscribe("a", join: 1, isFirst: isFirst)
    probe.advance(by: .seconds(20))
    #expect(
      probe.passTimes == [start + .milliseconds(250), start + .milliseconds(5_250)])
    #expect(probe.state == .unproven && probe.feed("a") == .unproven)
    probe.forget()
  }
  #expect(probe.status.gapsHealed == 2, "by the second pass each")
  probe.receive(.change(.incomplete, channel: "a", join: 1))
  #expect(probe.passTimes == [probe.now] && probe.beats.isEmpty && probe.joins.isEmpty)
}

@Test func `events without their row share a pass in five seconds, and none is forgotten`() {
  var probe = Probe.live()
  var last = Duration.zero
  for _ in 0..<100 {
    probe.receive(.change(.incomplete, channel: "a", join: 1))
    last = probe.now
    probe.advance(by: .milliseconds(200))
  }
  probe.advance(by: .seconds(10))
  #expect((4...5).contains(probe.passTimes.count))
  #expect(zip(probe.passTimes, probe.passTimes.dropFirst()).allSatisfy { $1 - $0 >= .seconds(5) })
  #expect(probe.passTimes.last! >= last)
  #expect(probe.lines.count == 1 && probe.state == .live)
}

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

@Test
func `a lossy channel is joined anew, with pauses, and a pass looks for what else is missing`() {
  var probe = Probe.live(["a", "b"])
  var join = 1
  let start = probe.now
  for _ in 0..<4 {
    let seen = probe.joins.count
    let result = probe.health.lossFound(channel: "a", rows: 3, at: probe.now)
    probe.take(result)
    probe.advance(step: .seconds(1)) { $0.joins.count > seen }
    join += 1
    probe.subscribe("a", join: join)
    probe.advance(by: .seconds(3))
    #expect(probe.state == .live)
  }
  #expect(probe.actions.filter { $0.action == .rejoin("a") }.count == 4)
  #expect(probe.joins.map { ($0 - start).components.seconds } == [0, 10, 30, 70])
  #expect(probe.status.missedRows == 12)
  #expect(probe.lines.filter { $0.message.contains("lost") }.count == 1)
  #expect((4...8).contains(probe.passTimes.count))
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

extension FeedChange {
  static let incomplete = FeedChange(
    table: TableName(name: "table_a"), kind: .update, key: nil, oldKey: nil, commitTime: nil,
    hasErrors: true)
}
