import LocalSupabase
import Transport

/// The demo while the daemon runs: rows are copied, then they change, with the feed lost once on the way, then what is
/// left arrives. It looks at everything twice a second.
struct DemoLive {
  private let source: LocalProject
  private let daemon: DemoDaemon
  private let writer: DemoWriter
  private let counts: DemoCounts
  private let ending: Ending
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var screen: DemoScreen
  private var frame = DemoFrame()
  private var next: ContinuousClock.Instant
  /// Changes written so far, as they were lately.
  private var recent: [(time: ContinuousClock.Instant, changes: Int)] = []
  private var isWriting = false
  private var outage: Outage?

  /// The Realtime server is away for a moment.
  private struct Outage {
    var began: ContinuousClock.Instant
    var gapsHealed: Int
    var work: Task<Void, Never>
    var isOver = false
  }

  private static let step = Duration.milliseconds(500)
  private static let absence = Duration.milliseconds(1_500)
  /// Where no limit is set.
  private static let outageAfter = Duration.seconds(15)

  init(
    _ source: LocalProject, _ target: LocalProject, _ daemon: DemoDaemon, _ screen: DemoScreen,
    _ ending: Ending
  ) {
    self.source = source
    self.daemon = daemon
    self.screen = screen
    self.ending = ending
    writer = DemoWriter(source)
    counts = DemoCounts(source: source, target: target)
    start = clock.now
    next = start
  }

  /// Until everything is copied and the feed is live.
  mutating func copy() async throws {
    frame.hint = "Ctrl-C ends the demo."
    repeat {
      try await look(atMost: .seconds(300), since: start, for: "to copy and to be live")
    } while !frame.status.isReady
    tell("The feed is proven live. From now on rows change at the source.")
  }

  /// Until the time is over or a signal has come.
  mutating func change(for limit: Duration?) async throws {
    frame.hint = "Ctrl-C ends the changes and compares both databases."
    try await counts.forgetLags()
    await writer.start()
    isWriting = true
    let begin = clock.now
    let outageTime = limit.map { $0 / 3 } ?? Self.outageAfter
    while !ending.hasCome, limit.map({ clock.now - begin < $0 }) ?? true {
      if outage == nil, clock.now - begin >= outageTime { loseFeed() }
      try await look()
    }
  }

  /// Until everything that was written has arrived.
  mutating func drain() async throws {
    frame.hint = "Ctrl-C ends the demo at once."
    await writer.stop()
    isWriting = false
    try await writer.check()
    let end = try await counts.time()
    tell("No more changes. The last of them arrive, and a last pass checks.")
    daemon.askForPass()
    let begin = clock.now
    repeat {
      try await look(atMost: .seconds(120), since: begin, for: "until everything had arrived")
    } while !(frame.status.hasAll(before: end) && frame.status.isReady && outage?.isOver ?? true)
    frame.hint = ""
    tell("Everything has arrived.")
    try await look()
  }

  /// Ends what this started. May be called at any point.
  func end() async {
    await outage?.work.value
    await writer.stop()
    await counts.close()
  }

  private mutating func loseFeed() {
    guard let realtime = source.realtime else { return }
    let work = Task {
      await realtime.stop()
      try? await Task.sleep(for: Self.absence)
      realtime.start()
    }
    outage = Outage(began: clock.now, gapsHealed: frame.status.gapsHealed, work: work)
    tell("The source's Realtime server restarts: no feed, but rows go on changing.")
  }

  private mutating func watchOutage() {
    guard let outage, !outage.isOver, frame.status.isReady,
      frame.status.gapsHealed > outage.gapsHealed
    else { return }
    self.outage?.isOver = true
    let time = DemoText.seconds(clock.now - outage.began)
    tell("Healed after \(time) s: the feed is live, a pass has read what it missed.")
  }

  private mutating func tell(_ story: String) {
    frame.stories.append((clock.now - start, story))
  }

  private mutating func look(
    atMost limit: Duration, since begin: ContinuousClock.Instant, for purpose: String
  ) async throws {
    guard clock.now - begin < limit else {
      throw daemon.stopped(
        "`supamirror run` took more than \(Int(limit / .seconds(1))) s \(purpose)")
    }
    try await look()
  }

  /// Waits for the next moment, finds out everything and shows it.
  private mutating func look() async throws {
    try? await clock.sleep(until: next)
    next = max(next + Self.step, clock.now + Self.step / 5)
    if let status = try await daemon.status() { frame.status = status }
    try await writer.check()
    frame.rows = try await counts.rows()
    let changes = await writer.changes
    if changes > 0 {
      frame.lag = try await counts.markerLag()
      frame.written = changes
      frame.changesASecond = isWriting ? rate(changes) : nil
    }
    watchOutage()
    frame.elapsed = clock.now - start
    screen.show(frame)
  }

  /// A second, over the last three.
  private mutating func rate(_ changes: Int) -> Int {
    let now = clock.now
    recent.append((now, changes))
    recent.removeAll { now - $0.time > .seconds(3) }
    guard let first = recent.first, now > first.time else { return 0 }
    return Int((Double(changes - first.changes) / ((now - first.time) / .seconds(1))).rounded())
  }
}
