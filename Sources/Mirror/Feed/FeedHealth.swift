package import Supabase

/// Whether changes flow through the feed, and what to do about it: decisions only, no clock and no I/O.
///
/// The marker row is bound in every channel, so each is proven by itself. A channel is live from the moment when a beat
/// that was begun after its `subscribed` came back on the same join; whatever was before that is a gap, and one pass
/// that begins after the proof heals it. Without the marker table nothing can be proven, and passes are asked for
/// after every subscription instead.
///
/// All times are durations since the daemon's start, and never go back. Every input returns what is to be done now;
/// `tick` is called at `nextDeadline`. There is at most one `writeBeat` under way: each is followed by
/// `wroteBeat` or `failedToWriteBeat`. Beats rise, and never repeat, over restarts as well.
package struct FeedHealth: Sendable {
  package enum Action: Hashable, Sendable {
    /// Write the marker row, with a beat higher than all before.
    case writeBeat
    case rejoin(String)
    case reconnect
    /// Begin a full pass soon, and if one is running, another after it. `passBegan` is expected.
    case pass(reason: String)
    case log(LogEvent)
  }

  /// Proofs within this time share a pass.
  static let together = Duration.milliseconds(250)
  /// Between two passes for events without their row.
  static let errorPause = Duration.seconds(5)
  /// Changes may be missed for so long after a subscription that nothing proves.
  static let coldWindow = Duration.seconds(5)

  var channels: [ChannelHealth]
  private(set) var hasMarker: Bool
  var beats: Beats
  private(set) var isConnected = false
  var reconnects: Pauses
  var passes = PassRequests()
  var log: FeedLog
  /// What happened since it was live; empty where nothing did.
  var reason = ""
  /// Why it was not live the last time.
  var lastReason = ""
  var counts = Counts()
  var state: FeedStatus.State
  var since = Duration.zero
  /// The latest time that was given in; all that was due by then is done.
  var now = Duration.nanoseconds(-1)

  struct Counts: Sendable {
    var connects = 0
    var joins = 0
    var events = 0
    var gapsHealed = 0
    var lastHealing: Duration?
    var missedRows = 0
    var lastProof: Duration?
  }

  /// - Parameters:
  ///   - hasMarker: the marker table is there, and bound in every channel.
  ///   - interval: between two beats; at least a second.
  package init(channels: [FeedChannel], hasMarker: Bool, interval: Duration) {
    beats = Beats(interval: interval)
    self.hasMarker = hasMarker
    self.channels = channels.map {
      ChannelHealth($0, interval: interval, at: .zero)
    }
    reconnects = Pauses(first: interval)
    log = FeedLog(grace: interval * 2)
    state = channels.isEmpty ? .off : .disconnected
  }

  /// Every event of the feed but the marker row's changes.
  package mutating func received(_ event: FeedEvent, at now: Duration) -> [Action] {
    switch event {
    case .connected:
      isConnected = true
      counts.connects += 1
      for index in channels.indices where !channels[index].isRefused {
        channels[index].lost(at: now)
      }
    case .disconnected(let problem):
      isConnected = false
      reason = problem.description
      log.notice()
      for index in channels.indices where !channels[index].isRefused {
        channels[index].lost(at: now)
      }
    case .subscribed(let name, let join, let isFirst):
      isConnected = true
      if isFirst { counts.joins += 1 }
      if let index = index(of: name) { subscribed(index, join: join, at: now) }
    case .refused(let name, let problem):
      if let index = index(of: name) {
        if !channels[index].isRefused { log.refused(channel: name, problem.description) }
        channels[index].lost(at: now, refusal: problem.description)
      }
    case .ended(let name, let problem):
      if let index = index(of: name) {
        channels[index].lost(at: now)
        reason = "channel \(name) ended: \(problem)"
        log.notice()
      }
    case .change(let change, _, _):
      counts.events += 1
      if change.hasErrors { incompleteEvent(at: now) }
    }
    return settle(at: now)
  }

  /// The source has answered the write of a beat.
  ///
  /// - Parameter began: before the request was sent.
  package mutating func wroteBeat(_ beat: Int64, began: Duration, at now: Duration) -> [Action] {
    beats.wrote(beat, began: began, at: now, isAwaited: isProofAwaited)
    for index in channels.indices where channels[index].early == beat {
      saw(beat, index, at: now)
    }
    return settle(at: now)
  }

  /// It proves nothing about the feed; but the source's database may have been restarted, and then the feed loses
  /// changes without a word. So the next proof counts as one after a gap.
  package mutating func failedToWriteBeat(at now: Duration) -> [Action] {
    beats.failed(at: now, isAwaited: isProofAwaited)
    for index in channels.indices where hasMarker && channels[index].subscribedSince != nil {
      channels[index].doubt(at: now)
    }
    return settle(at: now)
  }

  /// The marker row's change came through the feed.
  package mutating func saw(
    beat: Int64, channel name: String, join: Int, at now: Duration
  ) -> [Action] {
    counts.events += 1
    if let index = index(of: name), channels[index].join == join { saw(beat, index, at: now) }
    return settle(at: now)
  }

  /// Rows that `FeedWitness` found missing: the channel is lossy, and more than these may be missing.
  package mutating func lossFound(
    channel name: String, rows: Int, at now: Duration
  ) -> [Action] {
    counts.missedRows += rows
    log.lost(rows: rows, channel: name)
    if let index = index(of: name), channels[index].subscribedSince != nil {
      if hasMarker {
        channels[index].doubt(at: now)
      } else {
        passes.ask(needed: now, by: now + Self.together, "rows missed by the feed")
      }
      channels[index].isLossy = true
    }
    return settle(at: now)
  }

  /// To be called whenever a pass begins, asked for or not: requests made before it are met.
  package mutating func passBegan(at now: Duration) { passes.passBegan(at: now) }

  /// A pass ended without failure.
  ///
  /// - Parameter left: channels of which some table was left out or failed; their gaps stay open.
  package mutating func passEnded(
    began: Duration, left: Set<String> = [], at now: Duration
  ) -> [Action] {
    passes.passBegan(at: began)
    var healing: Duration?
    for index in channels.indices where !left.contains(channels[index].channel.name) {
      guard let gap = channels[index].gap, let from = gap.healsFrom else { continue }
      if from <= began {
        healing = max(healing ?? .zero, now - (gap.ended ?? from))
        channels[index].gap = nil
      } else if from <= now, passes.isEmpty {
        passes.ask(needed: now, by: now, "a gap that the last pass began too early for")
      }
    }
    if let healing {
      counts.gapsHealed += 1
      counts.lastHealing = healing
    }
    return settle(at: now)
  }

  /// Gaps stay open until the next regular pass; none is asked for, lest a failing source be flooded with passes.
  package mutating func passFailed(at now: Duration) -> [Action] { settle(at: now) }

  /// From now on these channels; those that are equal to what there was go on as they are.
  package mutating func reset(
    channels new: [FeedChannel], hasMarker: Bool, at now: Duration
  ) -> [Action] {
    let old = channels
    let isOtherProof = hasMarker != self.hasMarker
    self.hasMarker = hasMarker
    channels = new.map { channel in
      old.first { $0.channel == channel }
        ?? ChannelHealth(channel, interval: beats.interval, at: now)
    }
    for index in channels.indices where isOtherProof {
      if let join = channels[index].join { subscribed(index, join: join, at: now) }
    }
    return settle(at: now)
  }

  /// To be called at `nextDeadline`; harmless at any time.
  package mutating func tick(at now: Duration) -> [Action] { settle(at: now) }

  /// When `tick` is to be called at the latest. nil: never, until something happens.
  package var nextDeadline: Duration? {
    var times = [passes.nextDue, log.nextDue(isGood: isGood(state))]
    if hasMarker { times.append(beats.nextDue) }
    for channel in channels {
      times.append(channel.lastSeen.map { $0 + beats.interval * 2 })
      guard isConnected else { continue }
      if channel.isLossy { times.append(channel.mayRejoin(from: now)) }
      if let dead = deadFrom(channel) {
        times += [dead, max(dead, channel.mayRejoin(from: now))]
        times.append(max(dead, reconnects.allowedFrom ?? dead))
      }
    }
    return times.compactMap { $0 }.filter { $0 > now }.min()
  }
}
