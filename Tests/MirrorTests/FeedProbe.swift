import Mirror
import Supabase

/// A feed's health under test, with a source that answers beats and a feed that brings them back, as far as it is told
/// to.
struct FeedProbe {
  var health: FeedHealth
  var now = Duration.zero
  private(set) var actions: [(at: Duration, action: FeedHealth.Action)] = []
  private(set) var beat: Int64 = 0
  /// Begun, not answered.
  private(set) var writing: Duration?
  /// Beats come back on these channels, with the join they have.
  var flows: [String: Int] = [:]
  /// The source answers the writes of beats.
  var isUp = true
  /// Passes begin when they are asked for, and end after a second.
  var passes = true

  static let writeTime = Duration.milliseconds(100)
  static let interval = Duration.seconds(10)

  init(_ names: [String] = ["a"], hasMarker: Bool = true) {
    health = FeedHealth(
      channels: names.map(Self.channel), hasMarker: hasMarker, interval: Self.interval)
    run(health.tick(at: .zero))
    advance(by: .milliseconds(200))
  }

  /// All channels are live, their first gap is healed, and the next beat is an interval away.
  static func live(_ names: [String] = ["a"]) -> FeedProbe {
    var probe = FeedProbe(names)
    probe.connect()
    for name in names { probe.subscribe(name, join: 1) }
    probe.advance(by: .seconds(5))
    probe.actions = []
    return probe
  }

  static func channel(_ name: String) -> FeedChannel {
    FeedChannel(
      name: name, tables: [FeedTable(name: TableName(name: "table_\(name)"), columns: ["id"])])
  }

  mutating func connect() { receive(.connected) }

  mutating func subscribe(_ name: String, join: Int, isFirst: Bool = true, flows: Bool = true) {
    self.flows[name] = flows ? join : nil
    receive(.subscribed(channel: name, join: join, isFirst: isFirst))
  }

  mutating func receive(_ event: FeedEvent) { run(health.received(event, at: now)) }

  /// Without a write of its own.
  mutating func see(_ beat: Int64, _ name: String, join: Int) {
    run(health.saw(beat: beat, channel: name, join: join, at: now))
  }

  mutating func advance(by time: Duration) {
    let end = now + time
    while true {
      let answer = writing.map { $0 + Self.writeTime }
      guard let next = [health.nextDeadline, answer, passEnd].compactMap({ $0 }).min(), next <= end
      else { break }
      precondition(next >= now)
      now = next
      if let began = writing, answer == next {
        answerBeat(began)
      } else if let end = passEnd, end == next {
        passEnd = nil
        run(health.passEnded(began: end - .seconds(1), at: now))
      } else {
        run(health.tick(at: now))
        precondition(health.nextDeadline.map { $0 > now } ?? true, "it asks to be called for ever")
      }
    }
    now = end
    run(health.tick(at: now))
  }

  /// For at most an hour.
  mutating func advance(step: Duration = .milliseconds(100), until isReached: (Self) -> Bool) {
    let end = now + .seconds(3_600)
    while !isReached(self), now < end { advance(by: step) }
  }

  private var passEnd: Duration?

  private mutating func answerBeat(_ began: Duration) {
    writing = nil
    guard isUp else { return run(health.failedToWriteBeat(at: now)) }
    let written = beat
    run(health.wroteBeat(written, began: began, at: now))
    for (name, join) in flows.sorted(by: { $0.key < $1.key }) { see(written, name, join: join) }
  }

  mutating func take(_ new: [FeedHealth.Action]) { run(new) }

  private mutating func run(_ new: [FeedHealth.Action]) {
    for action in new {
      actions.append((now, action))
      switch action {
      case .writeBeat:
        precondition(writing == nil, "two beats at once")
        writing = now
        beat += 1
      case .pass where passes:
        health.passBegan(at: now)
        passEnd = passEnd ?? now + .seconds(1)
      default: break
      }
    }
  }

  func times(_ isWanted: (FeedHealth.Action) -> Bool) -> [Duration] {
    actions.filter { isWanted($0.action) }.map(\.at)
  }

  var beats: [Duration] { times { $0 == .writeBeat } }
  var passTimes: [Duration] { times { if case .pass = $0 { true } else { false } } }
  var joins: [Duration] {
    times {
      switch $0 {
      case .rejoin, .reconnect: true
      default: false
      }
    }
  }
  var lines: [LogEvent] {
    actions.compactMap { if case .log(let event) = $0.action { event } else { nil } }
  }
  var state: FeedStatus.State { status.state }
  var status: FeedStatus { health.status(at: now, startedAt: 0) }
  func feed(_ name: String) -> TableStatus.Feed { health.status(of: name, at: now).feed }

  mutating func forget() { actions = [] }
}

extension FeedProblem {
  static let lost = FeedProblem(.connection, "the connection was lost")
  static let noTable = FeedProblem(.table(nil), "no such table")
}

extension FeedChange {
  static let incomplete = FeedChange(
    table: TableName(name: "table_a"), kind: .update, key: nil, oldKey: nil, commitTime: nil,
    hasErrors: true)
}
