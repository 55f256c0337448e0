import Supabase

/// What is known of one channel.
struct ChannelHealth: Sendable {
  enum Phase: Hashable, Sendable {
    case joining(since: Duration)
    case subscribed(join: Int, since: Duration)
    case refused(String, since: Duration)
  }

  /// Changes may have been lost; a pass brings them.
  struct Gap: Hashable, Sendable {
    /// When the subscription stood again, or when the loss was found.
    var ended: Duration?
    /// A pass that begins then or later heals it; nil while that is not known.
    var healsFrom: Duration?
    /// Only a beat that was begun then or later tells that changes flow again.
    var provenFrom = Duration.zero
  }

  let channel: FeedChannel
  private(set) var phase: Phase
  /// When the first beat of the subscription came back; nil before.
  private(set) var provenAt: Duration?
  private(set) var lastSeen: Duration?
  /// Of the join.
  private(set) var highestBeat: Int64?
  /// Came back before its write was answered.
  private(set) var early: Int64?
  /// Of the subscription; while there is none, all is a gap.
  var gap: Gap?
  private(set) var rejoins: Pauses
  /// Changes were lost on it.
  var isLossy = false
  /// Joins up to this one were left.
  private var left = Int.min

  init(_ channel: FeedChannel, interval: Duration, at now: Duration) {
    self.channel = channel
    phase = .joining(since: now)
    rejoins = Pauses(first: interval)
  }

  var isRefused: Bool { if case .refused = phase { true } else { false } }
  var subscribedSince: Duration? {
    if case .subscribed(_, let since) = phase { since } else { nil }
  }
  var phaseSince: Duration {
    switch phase {
    case .joining(let since), .subscribed(_, let since), .refused(_, let since): since
    }
  }
  var join: Int? { if case .subscribed(let join, _) = phase { join } else { nil } }

  /// It held for so long that what was before does not matter.
  var isSettled: Bool {
    guard let provenAt, let lastSeen else { return false }
    return lastSeen - provenAt >= Pauses.longest
  }

  /// False for a join that was left: what is still under way of it counts for nothing.
  mutating func subscribed(join: Int, healsFrom: Duration?, at now: Duration) -> Bool {
    guard join > left else { return false }
    unprove()
    if join != self.join {
      highestBeat = nil
      early = nil
    }
    phase = .subscribed(join: join, since: now)
    gap = Gap(ended: now, healsFrom: healsFrom)
    isLossy = false
    return true
  }

  /// The channel is gone.
  mutating func lost(at now: Duration, refusal: String? = nil) {
    unprove()
    isLossy = false
    if let refusal { phase = .refused(refusal, since: now) } else { phase = .joining(since: now) }
  }

  /// We leave it, to join it anew.
  mutating func leave(at now: Duration) {
    if let join { left = join }
    lost(at: now)
    rejoins.next(at: now)
  }

  /// Changes may have been lost although it stands.
  mutating func doubt(at now: Duration) {
    gap = Gap(ended: gap?.ended, provenFrom: now)
  }

  /// A beat that was begun after the channel was subscribed came back; `skipped`: one before it did not.
  ///
  /// - Returns: whether a gap is healed by a pass that begins from now on.
  mutating func proved(by beat: Beats.Written, skipped: Bool, at now: Duration) -> Bool {
    lastSeen = now
    highestBeat = beat.beat
    if provenAt == nil { provenAt = now }
    if skipped { doubt(at: beat.began) }
    guard let open = gap, open.healsFrom == nil, open.provenFrom <= beat.began else { return false }
    gap = Gap(ended: open.ended ?? now, healsFrom: now)
    return true
  }

  mutating func sawEarly(_ beat: Int64) { early = beat }

  /// The oldest beat that should have come back.
  func awaited(_ beats: Beats) -> Beats.Written? {
    guard let since = subscribedSince else { return nil }
    var oldest: Beats.Written?
    for written in beats.written.reversed() {
      guard written.began >= since, written.beat > highestBeat ?? Int64.min else { break }
      oldest = written
    }
    return oldest
  }

  func mayRejoin(from now: Duration) -> Duration { isSettled ? now : rejoins.allowedFrom ?? now }

  private mutating func unprove() {
    if isSettled { rejoins.reset() }
    provenAt = nil
    lastSeen = nil
  }
}

/// Pauses between joins that we ask for, doubled from the interval up to five minutes: a source whose feed cannot work
/// is not hammered.
struct Pauses: Sendable {
  static let longest = Duration.seconds(300)

  private let first: Duration
  private var pause: Duration?
  private var last = Duration.zero

  init(first: Duration) { self.first = first }

  /// nil: at once.
  var allowedFrom: Duration? { pause.map { last + $0 } }

  mutating func next(at now: Duration) {
    pause = pause.map { min($0 * 2, max(first, Self.longest)) } ?? first
    last = now
  }

  mutating func reset() { pause = nil }
}
