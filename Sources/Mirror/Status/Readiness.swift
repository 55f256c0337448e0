import Supabase

/// Whether the copy may be relied on now, and if not, why not.
package struct Readiness: Hashable, Sendable {
  /// Sentences; empty where it is ready.
  package private(set) var reasons: [String] = []

  package var isReady: Bool { reasons.isEmpty }

  package init(_ status: MirrorStatus) {
    let now = status.takenAt
    for (role, project) in [("source", status.source), ("target", status.target)] {
      guard let since = project.downSince else { continue }
      reasons.append(
        "the \(role) is unreachable \(SpokenTime.since(since, at: now))"
          + (project.problem.isEmpty ? "" : ": \(project.problem)"))
    }
    if status.pass.count == 0 {
      reasons.append("the first pass has not ended")
    } else if status.feed.state == .off {
      reasons += Self.latePass(status)
    }
    reasons += Self.feed(status)
    if status.feed.state == .live, status.lag == nil {
      reasons.append("no marker row has reached the target yet")
    }
    if let lag = status.lag, lag > status.lagLimit {
      reasons.append(
        "the copy is \(SpokenTime.duration(lag)) behind, "
          + "and the limit is \(SpokenTime.duration(status.lagLimit))")
    }
    for table in status.tables {
      if let failure = table.failure { reasons.append("\(table.name): \(failure)") }
      if !table.leftOut.isEmpty {
        reasons.append(
          "\(table.name): what the target lacks is not mirrored: "
            + table.leftOut.joined(separator: ", "))
      }
      if table.copying != nil { reasons.append("\(table.name) is being copied whole") }
    }
    reasons = reasons.map(LogLine.printable)
  }

  /// Without a feed only a clean pass of late proves anything.
  private static func latePass(_ status: MirrorStatus) -> [String] {
    guard let clean = status.pass.lastClean else { return ["no pass was clean yet"] }
    if let code = status.pass.lastExitCode, code != .clean {
      return ["the last pass was not clean"]
    }
    let allowed = status.reconcileInterval * 2 + (status.pass.lastElapsed ?? .zero)
    guard .microseconds(status.takenAt - clean) > allowed else { return [] }
    return ["no clean pass \(SpokenTime.since(clean, at: status.takenAt))"]
  }

  private static func feed(_ status: MirrorStatus) -> [String] {
    let feed = status.feed
    let since = SpokenTime.since(feed.since, at: status.takenAt)
    let problem = feed.problem.isEmpty ? "" : ": \(feed.problem)"
    switch feed.state {
    case .off: return []
    case .disconnected: return ["the feed is disconnected \(since)\(problem)"]
    case .joining: return ["the feed is being joined \(since)\(problem)"]
    case .unproven:
      return [
        "nothing proves that changes flow: the marker table sync_heartbeat is missing; apply the "
          + "output of `supamirror migration` to both projects"
      ]
    case .live:
      guard let gap = feed.gapSince else { return [] }
      return ["a gap in the feed is being healed \(SpokenTime.since(gap, at: status.takenAt))"]
    }
  }
}
