import Supabase

extension FeedHealth {
  /// What `MirrorStatus` shows of the whole feed; `oddFrames` is the client's to know.
  ///
  /// - Parameter startedAt: the daemon's start, in microseconds since 2000-01-01 UTC.
  package func status(at now: Duration, startedAt: Int64) -> FeedStatus {
    var status = FeedStatus(
      state: overallState(at: now), since: startedAt + Self.microseconds(since))
    status.problem = problem(at: now)
    status.lastProof = counts.lastProof.map { startedAt + Self.microseconds($0) }
    status.connects = counts.connects
    status.joins = counts.joins
    status.events = counts.events
    status.gapsHealed = counts.gapsHealed
    status.lastHealing = counts.lastHealing
    status.missedRows = counts.missedRows
    let gaps = channels.filter { !$0.isRefused && $0.gap != nil }
    status.gapSince =
      gaps.map { $0.gap?.ended ?? $0.phaseSince }.min()
      .map { startedAt + Self.microseconds($0) }
    return status
  }

  /// What is shown of a channel's tables; `off` for a channel that there is not.
  package func status(
    of name: String, at now: Duration
  ) -> (feed: TableStatus.Feed, problem: String) {
    guard let channel = channels.first(where: { $0.channel.name == name }) else {
      return (.off, "")
    }
    if case .refused(let problem, _) = channel.phase { return (.refused, problem) }
    return (feed(of: channel, at: now), "")
  }

  /// The whole feed is live, but for channels that are refused.
  func isGood(_ state: FeedStatus.State) -> Bool {
    switch state {
    case .off, .live: true
    case .unproven: !hasMarker
    case .disconnected, .joining: false
    }
  }

  func overallState(at now: Duration) -> FeedStatus.State {
    if channels.isEmpty { return .off }
    if !isConnected { return .disconnected }
    let feeds = channels.map { feed(of: $0, at: now) }.filter { $0 != .refused }
    if feeds.isEmpty || feeds.contains(.joining) { return .joining }
    if feeds.allSatisfy({ $0 == .live }) { return .live }
    return !hasMarker || beats.isFailing ? .unproven : .joining
  }

  /// Why it is not live.
  func why(_ state: FeedStatus.State) -> String {
    if beats.isFailing, state == .unproven {
      return "the marker row cannot be written at the source"
    }
    if !reason.isEmpty { return reason }
    return state == .joining ? "no marker row has come back through the feed yet" : ""
  }

  /// The most urgent first: why it is not live, else what is refused, else why it was not live the last time.
  func problem(at now: Duration) -> String {
    let state = overallState(at: now)
    var sentences: [String] = []
    if !isGood(state), !why(state).isEmpty { sentences.append(why(state)) }
    let refused = channels.filter(\.isRefused)
    for channel in refused.prefix(3) {
      if case .refused(let why, _) = channel.phase {
        sentences.append(
          "channel \(channel.channel.name) is refused, its tables are polled: \(why)")
      }
    }
    if refused.count > 3 { sentences.append("and \(refused.count - 3) channels more") }
    return sentences.isEmpty ? lastReason : sentences.joined(separator: "; ")
  }

  private func feed(of channel: ChannelHealth, at now: Duration) -> TableStatus.Feed {
    switch channel.phase {
    case .joining: return .joining
    case .refused: return .refused
    case .subscribed:
      // A proof that is too old is none: what cannot be shown to flow is not called live.
      guard hasMarker, let seen = channel.lastSeen, seen + beats.interval * 2 > now else {
        return .unproven
      }
      return .live
    }
  }

  private static func microseconds(_ time: Duration) -> Int64 {
    let parts = time.components
    return parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000
  }
}
