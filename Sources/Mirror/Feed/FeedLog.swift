/// What of the feed's ups and downs is worth a line: that it is live or not, and one reminder an hour while it is
/// not; of every other kind at most one warning an hour. An outage of a day is a page, not a flood.
struct FeedLog: Sendable {
  static let hour = Duration.seconds(3600)
  /// Times an hour that its going down is told; the rest is in the status.
  static let fallsAnHour = 3

  /// A subscription that is proven anew within this time is nothing to speak of.
  private let grace: Duration
  private var hasReason = false
  /// What was said last; nil before the first line.
  private var saidGood: Bool?
  private var badSince: Duration?
  private var lastReminder = Duration.zero
  /// Of the last hour.
  private var falls: [Duration] = []
  private var pending: [(kind: String, event: LogEvent)] = []
  private var saidAt: [String: Duration] = [:]

  init(grace: Duration) { self.grace = grace }

  /// There is a reason for not being live: it is told without waiting.
  mutating func notice() { hasReason = true }

  mutating func refused(channel: String, _ why: String) {
    warn(
      "refused.\(channel)", "A channel of the feed is refused; its tables are polled.",
      [("feed.channel", channel), ("feed.problem", why)])
  }

  mutating func lost(rows: Int, channel: String) {
    warn(
      "lost", "The feed lost changes that a pass found; its channel is joined anew.",
      [("feed.channel", channel), ("feed.rows", "\(rows)")])
  }

  mutating func skipped(channel: String) {
    warn(
      "skipped", "The feed lost a marker row; a pass looks for what else it lost.",
      [("feed.channel", channel)])
  }

  mutating func incomplete() {
    warn("incomplete", "An event of the feed came without its row; a pass looks for it.", [])
  }

  mutating func take(
    state: FeedStatus.State, isGood: Bool, at now: Duration, problem: () -> String
  ) -> [LogEvent] {
    var lines: [LogEvent] = []
    for (kind, event) in pending where saidAt[kind].map({ now - $0 >= Self.hour }) ?? true {
      saidAt[kind] = now
      lines.append(event)
    }
    pending = []
    falls.removeAll { now - $0 >= Self.hour }
    if isGood {
      hasReason = false
      badSince = nil
      if saidGood != true, state != .off {
        saidGood = true
        lines.append(
          event(.info, "The feed carries changes.", [("feed.state", state.rawValue)]))
      }
      return lines
    }
    badSince = badSince ?? now
    guard let due = nextDue(isGood: false), due <= now else { return lines }
    let fields = [("feed.state", state.rawValue), ("feed.problem", problem())]
    if saidGood == false {
      lines.append(event(.warning, "The feed still carries no changes; tables are polled.", fields))
    } else {
      saidGood = false
      falls.append(now)
      lines.append(event(.warning, "The feed carries no changes; tables are polled.", fields))
    }
    lastReminder = now
    return lines
  }

  func nextDue(isGood: Bool) -> Duration? {
    guard !isGood, let badSince else { return nil }
    if saidGood == false { return lastReminder + Self.hour }
    let due = hasReason ? badSince : badSince + grace
    return falls.count < Self.fallsAnHour ? due : max(due, falls[0] + Self.hour)
  }

  private mutating func warn(_ kind: String, _ message: String, _ fields: [(String, String)]) {
    pending.append((kind, event(.warning, message, fields)))
  }

  private func event(
    _ level: LogEvent.Level, _ message: String, _ fields: [(String, String)]
  ) -> LogEvent {
    LogEvent(
      level: level, message: message,
      fields: fields.map { LogEvent.Field(key: $0.0, value: $0.1) })
  }
}
