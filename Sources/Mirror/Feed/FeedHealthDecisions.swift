import Supabase

/// What follows from what happened.
extension FeedHealth {
  func index(of name: String) -> Int? { channels.firstIndex { $0.channel.name == name } }

  var isProofAwaited: Bool {
    channels.contains { $0.subscribedSince != nil && $0.provenAt == nil }
  }

  /// Longer than a careful client waits until it tries a refused channel again and tells of it.
  static let refusalLimit = Duration.seconds(900)

  /// Longer than a careful client's own patience and backoff.
  var joinLimit: Duration { max(beats.interval * 2, .seconds(120)) }

  /// From when on it is to be joined anew, pauses aside.
  func deadFrom(_ channel: ChannelHealth) -> Duration? {
    switch channel.phase {
    case .refused(_, let since): since + Self.refusalLimit
    case .joining(let since): since + joinLimit
    case .subscribed: channel.awaited(beats).map { $0.answered + beats.interval * 2 }
    }
  }

  mutating func subscribed(_ index: Int, join: Int, at now: Duration) {
    let healsFrom = hasMarker ? nil : now + Self.coldWindow
    guard channels[index].subscribed(join: join, healsFrom: healsFrom, at: now) else { return }
    if hasMarker { return beats.hurry(at: now) }
    for needed in [now, now + Self.coldWindow] {
      passes.ask(needed: needed, by: needed + Self.together, "a subscription that is not proven")
    }
  }

  mutating func saw(_ beat: Int64, _ index: Int, at now: Duration) {
    guard let since = channels[index].subscribedSince else { return }
    guard let written = beats[beat] else {
      if beats.isWriting { channels[index].sawEarly(beat) }
      return
    }
    guard written.began >= since, beat > channels[index].highestBeat ?? Int64.min else { return }
    let awaited = channels[index].awaited(beats)
    let skipped = channels[index].provenAt != nil && (awaited?.beat ?? beat) < beat
    if skipped { log.skipped(channel: channels[index].channel.name) }
    counts.lastProof = now
    if channels[index].proved(by: written, skipped: skipped, at: now) {
      let wait = isProofAwaited ? Self.together : .zero
      passes.ask(needed: now, by: now + wait, "a gap in the feed")
    }
    if channels[index].isSettled { reconnects.reset() }
    if !isProofAwaited { beats.calm() }
  }

  mutating func incompleteEvent(at now: Duration) {
    log.incomplete()
    let due = passes.lastMade.map { max(now, $0 + Self.errorPause) } ?? now
    passes.ask(needed: now, by: due, "an event without its row")
  }

  mutating func settle(at now: Duration) -> [Action] {
    self.now = max(self.now, now)
    let now = self.now
    var actions: [Action] = []
    if isConnected { actions += rejoin(at: now) }
    if hasMarker, beats.begin(at: now) { actions.append(.writeBeat) }
    if let reason = passes.take(at: now) { actions.append(.pass(reason: reason)) }
    let state = overallState(at: now)
    if state != self.state {
      self.state = state
      since = now
    }
    if isGood(state) { reason = "" } else { lastReason = why(state) }
    var log = self.log
    let lines = log.take(state: state, isGood: isGood(state), at: now) { problem(at: now) }
    self.log = log
    actions += lines.map { .log($0) }
    return actions
  }

  mutating func rejoin(at now: Duration) -> [Action] {
    let dead = channels.indices.filter { deadFrom(channels[$0]).map { $0 <= now } ?? false }
    if !dead.isEmpty, channels.indices.allSatisfy({ channels[$0].isRefused || dead.contains($0) }),
      !dead.allSatisfy({ channels[$0].isRefused })
    {
      guard reconnects.allowedFrom ?? now <= now else { return [] }
      silent(dead, at: now)
      reconnects.next(at: now)
      for index in dead { channels[index].leave(at: now) }
      return [.reconnect]
    }
    let due = channels.indices.filter {
      (dead.contains($0) || channels[$0].isLossy) && channels[$0].mayRejoin(from: now) <= now
    }
    silent(due.filter(dead.contains), at: now)
    for index in due { channels[index].leave(at: now) }
    return due.map { .rejoin(channels[$0].channel.name) }
  }

  mutating func silent(_ dead: [Int], at now: Duration) {
    guard let index = dead.first else { return }
    let name = channels[index].channel.name
    if let awaited = channels[index].awaited(beats) {
      reason =
        "channel \(name) is silent: the marker row written \((now - awaited.answered).components.seconds) s"
        + " ago has not come back (is it in the publication supabase_realtime?)"
    } else {
      reason = "channel \(name) has had no answer to its join"
    }
    log.notice()
  }
}
