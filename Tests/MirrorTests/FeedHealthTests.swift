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
  probe.advance(by: .milliseconds(9_900))
  #expect(probe.beats.count == 2, "and the next after an interval")
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
