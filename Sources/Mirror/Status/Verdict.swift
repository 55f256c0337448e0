import Supabase

/// A mirror's state in one line, the worst thing first.
package struct Verdict: Hashable, Sendable {
  package enum Level: String, Sendable, CaseIterable {
    /// Everything flows.
    case good
    /// It works at it; nobody needs to do anything.
    case busy
    /// A person should look.
    case warning
    /// The copy falls behind.
    case bad
  }

  package let level: Level
  /// Short: `Live: the copy is 0.4 s behind`.
  package let headline: String
  /// More about it, or about what else there is; may be empty.
  package let detail: String

  package init(_ status: MirrorStatus) {
    (level, headline, detail) =
      Self.outage(status) ?? Self.failure(status) ?? Self.gap(status) ?? Self.waitingPerson(status)
      ?? Self.flow(status)
  }

  private typealias Parts = (Level, String, String)

  private static func outage(_ status: MirrorStatus) -> Parts? {
    let down = [("Source", status.source), ("Target", status.target)].filter {
      $0.1.downSince != nil
    }
    guard let (role, project) = down.first, let since = project.downSince else { return nil }
    let both = down.count == 2
    let first = both ? min(since, down[1].1.downSince ?? since) : since
    let problem = sentence(project.problem)
    return (
      .bad,
      "\(both ? "Source and target" : role) unreachable \(SpokenTime.since(first, at: status.takenAt))",
      join([problem, lagSentence(status), "It is tried again until it answers."])
    )
  }

  private static func failure(_ status: MirrorStatus) -> Parts? {
    let failed = status.tables.filter { $0.failure != nil }
    guard let first = failed.first else { return nil }
    let name = LogLine.printable(first.name.description)
    return (
      .bad, failed.count == 1 ? "\(name) has stopped" : "\(failed.count) tables have stopped",
      failed.count < status.tables.count ? "The other tables go on." : ""
    )
  }

  /// Something is not known to have come through; the mirror works at it.
  private static func gap(_ status: MirrorStatus) -> Parts? {
    let feed = status.feed
    let since = SpokenTime.since(feed.since, at: status.takenAt)
    let polling = "Tables are polled meanwhile."
    if status.pass.count == 0 {
      return (.busy, "Copying: the first pass is under way", lagSentence(status))
    }
    switch feed.state {
    case .disconnected:
      let lasts = .microseconds(status.takenAt - feed.since) > status.lagLimit
      return (
        lasts ? .bad : .busy, "Feed disconnected \(since)",
        join([sentence(feed.problem), polling, lagSentence(status)])
      )
    case .joining:
      let lasts = .microseconds(status.takenAt - feed.since) > status.lagLimit
      return (
        lasts ? .bad : .busy,
        lasts ? "Feed not joined \(since)" : "Healing: the feed is being joined",
        join([sentence(feed.problem), polling, lagSentence(status)])
      )
    case .off, .unproven, .live: break
    }
    if let lag = status.lag, lag > status.lagLimit {
      return (
        .bad, "Behind: the copy is \(SpokenTime.duration(lag)) behind",
        "The limit is \(SpokenTime.duration(status.lagLimit))."
      )
    }
    if feed.state != .off, let gap = feed.gapSince {
      return (
        .busy, "Healing: a pass reads what the feed may have missed",
        "The gap is open \(SpokenTime.since(gap, at: status.takenAt))."
      )
    }
    return nil
  }

  private static func waitingPerson(_ status: MirrorStatus) -> Parts? {
    let held = status.tables.reduce(0) { $0 + $1.held }
    let quarantined = status.tables.reduce(0) { $0 + $1.quarantined }
    let refused = status.tables.count { $0.feed == .refused }
    let flow = flow(status)
    let rest = flow.1 + "."
    var parts: [String] = []
    if held > 0 { parts.append("\(count(held, "delete")) held") }
    if quarantined > 0 { parts.append("\(count(quarantined, "row")) in quarantine") }
    if !parts.isEmpty { return (max(flow.0, .warning), parts.joined(separator: ", "), rest) }
    if status.feed.state == .unproven {
      return (
        .warning, "Unproven: nothing shows that changes flow",
        "The marker table sync_heartbeat is missing: apply the output of `supamirror migration` to both projects."
      )
    }
    if refused > 0 {
      return (
        max(flow.0, .warning),
        "\(refused) \(refused == 1 ? "table is" : "tables are") polled only: the feed refuses "
          + (refused == 1 ? "it" : "them"), rest
      )
    }
    if !status.problems.isEmpty {
      let many = status.problems.count
      return (
        max(flow.0, .warning),
        many == 1 ? "One thing needs attention" : "\(many) things need attention",
        rest
      )
    }
    return nil
  }

  /// Nothing is in the way.
  private static func flow(_ status: MirrorStatus) -> Parts {
    if status.feed.state != .off {
      guard let lag = status.lag else { return (.busy, "Live: the lag is not known yet", "") }
      return (.good, "Live: the copy is \(SpokenTime.duration(lag)) behind", "")
    }
    let pass = status.pass
    if let code = pass.lastExitCode, code != .clean {
      let clean =
        pass.lastClean.map {
          "The last clean one ended \(SpokenTime.age(of: $0, at: status.takenAt))."
        }
        ?? "None was clean yet."
      return (.warning, "The last pass was not clean", clean)
    }
    guard let clean = pass.lastClean else { return (.busy, "Polling: no pass was clean yet", "") }
    let age = SpokenTime.age(of: clean, at: status.takenAt)
    let isLate =
      .microseconds(status.takenAt - clean) > status.reconcileInterval * 2
      + (pass.lastElapsed ?? .zero)
    return isLate
      ? (.bad, "No pass since \(SpokenTime.clock(clean, at: status.takenAt)) (\(age))", "")
      : (.good, "Polling: the last clean pass ended \(age)", "The feed is off.")
  }

  private static func lagSentence(_ status: MirrorStatus) -> String {
    status.lag.map { "The copy is \(SpokenTime.duration($0)) behind." } ?? ""
  }

  private static func join(_ sentences: [String]) -> String {
    sentences.filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// Begins with a capital and ends with a full stop.
  static func sentence(_ text: String) -> String {
    let text = LogLine.printable(text)
    guard let first = text.first else { return "" }
    return first.uppercased() + text.dropFirst() + (".!?".contains(text.last ?? ".") ? "" : ".")
  }

  /// `3 deletes are`
  private static func count(_ count: Int, _ noun: String) -> String {
    "\(ReportText.grouped(count)) \(noun)\(count == 1 ? "" : "s") \(count == 1 ? "is" : "are")"
  }
}

extension Verdict.Level: Comparable {
  package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .good: 0
    case .busy: 1
    case .warning: 2
    case .bad: 3
    }
  }
}
