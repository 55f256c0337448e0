/// One channel's way to its subscription, and back to it. It decides; the machine sends. Times named `limit` are
/// reading times.
struct RealtimeChannel {
  let feed: FeedChannel
  let topic: String
  private(set) var state: State
  /// In succession, until a subscription has lasted.
  private var failures = 0
  private var refusals = 0

  struct Join: Hashable {
    /// Its `join_ref` on the wire.
    let number: Int
    /// Which of the client's keys it was made with.
    let key: Int
  }

  enum State: Hashable {
    /// Not joined; nil: no problem led here.
    case waiting(until: Duration, after: ChannelEnd?)
    /// No reply yet: what still comes of an older join must not count.
    case joining(Join, limit: Duration)
    /// The reply has come, "Subscribed to PostgreSQL" has not.
    case confirming(Join, ChannelBindings, limit: Duration)
    case subscribed(Join, ChannelBindings, since: Duration)
  }

  init(_ feed: FeedChannel, now: Duration) {
    self.feed = feed
    topic = RealtimeMessage.topic(of: feed.name)
    state = .waiting(until: now, after: nil)
  }

  /// The join that the server has or handles; nil while waiting.
  var join: Join? {
    switch state {
    case .waiting: nil
    case .joining(let join, _), .confirming(let join, _, _), .subscribed(let join, _, _): join
    }
  }

  var isJoining: Bool {
    if case .joining = state { true } else { false }
  }

  /// When it is to be joined; nil where it is.
  var due: Duration? {
    if case .waiting(let until, _) = state { until } else { nil }
  }

  /// The reading time at which an answer is missing.
  var limit: Duration? {
    switch state {
    case .waiting, .subscribed: nil
    case .joining(_, let limit), .confirming(_, _, let limit): limit
    }
  }

  mutating func joined(_ join: Join, limit: Duration) { state = .joining(join, limit: limit) }

  enum ReplyAction: Hashable {
    case wait
    /// The server has no such channel.
    case refused(ChannelEnd)
    case end(ChannelEnd)
    /// Of another join, or a second one.
    case ignore
  }

  /// A `phx_reply` on the channel's topic. `ref` is that of the message that is answered.
  mutating func replied(
    _ frame: RealtimeFrame, limit: Duration, shown: (String) -> String
  ) -> ReplyAction {
    guard case .joining(let join, _) = state, frame.ref == "\(join.number)" else { return .ignore }
    switch frame.reply() {
    case .ok(let response):
      guard let ids = frame.bindingIDs(in: response, of: feed.tables) else {
        return .end(
          ChannelEnd(.server, "Realtime's answer to the join does not list the tables asked for."))
      }
      state = .confirming(join, ChannelBindings(tables: feed.tables, ids: ids), limit: limit)
      return .wait
    case .error(let reason):
      return .refused(
        ChannelEnd(
          refusedJoin: reason, shown: reason.isEmpty ? "no reason given" : shown(reason)))
    case nil:
      return .end(ChannelEnd(.server, "Realtime's answer to the join cannot be read."))
    }
  }

  enum SystemAction: Hashable {
    case subscribed(join: Int, isFirst: Bool)
    case end(ChannelEnd)
    case ignore
  }

  /// A `system` message. "Server requested disconnect" says nothing that the close behind it does not say.
  mutating func told(
    _ message: SystemMessage, joinRef: String?, now: Duration, shown: (String) -> String
  ) -> SystemAction {
    guard let join, joinRef == nil || joinRef == "\(join.number)" else { return .ignore }
    if let end = ChannelEnd(message, of: feed.tables, shown: shown(message.text)) {
      // Without a join_ref it may be the old join's.
      return isJoining && joinRef == nil ? .ignore : .end(end)
    }
    guard message.isOfChanges else { return .ignore }
    switch state {
    case .waiting, .joining: return .ignore
    case .confirming(let join, let bindings, _):
      state = .subscribed(join, bindings, since: now)
      return .subscribed(join: join.number, isFirst: true)
    case .subscribed(let join, _, _):
      return .subscribed(join: join.number, isFirst: false)
    }
  }

  enum CloseAction: Hashable {
    case end(ChannelEnd)
    /// Of an older join: on a rejoined topic its `phx_close` comes late (`duplicate_join`).
    case ignore
  }

  /// `phx_close` or `phx_error`.
  func closed(byError: Bool, joinRef: String?, ref: String?) -> CloseAction {
    guard let join, (joinRef ?? ref) == "\(join.number)" else { return .ignore }
    return .end(
      ChannelEnd(
        .server, byError ? "Realtime's channel crashed." : "Realtime closed the channel."))
  }

  enum ChangeAction: Hashable {
    case read(ChannelBindings, join: Int)
    case drop(RealtimeOddity)
  }

  /// Changes carry no join_ref, and the bindings' ids are the same in every join: so what comes before a join's reply
  /// is an older join's.
  func changeCame(joinRef: String?) -> ChangeAction {
    switch state {
    case .waiting, .joining: .drop(.lateChange)
    case .confirming(let join, let bindings, _), .subscribed(let join, let bindings, _):
      joinRef == nil || joinRef == "\(join.number)"
        ? .read(bindings, join: join.number) : .drop(.lateChange)
    }
  }

  /// Whether the subscription has lasted long enough for what failed before it to be forgotten.
  func isStable(at now: Duration, options: RealtimeOptions) -> Bool {
    guard case .subscribed(_, _, let since) = state else { return false }
    return now - since >= options.stableAfter
  }

  /// - Returns: the event that tells of it.
  mutating func ended(
    _ end: ChannelEnd, now: Duration, random: Double, options: RealtimeOptions
  ) -> FeedEvent {
    forgetFailures(at: now, options)
    switch end.comesBack {
    case .late:
      let pause = options.refusalPause * (1 << min(refusals, 20))
      refusals += 1
      state = .waiting(until: now + min(pause, options.longestRefusalPause), after: end)
      return .refused(channel: feed.name, end.problem)
    case .soon, .afterLimit:
      failures += 1
      var wait = options.backoff.wait(after: failures, random: random)
      if end.comesBack == .afterLimit { wait = max(wait, options.limitPause * (1 + random)) }
      state = .waiting(until: now + wait, after: end)
      return .ended(channel: feed.name, end.problem)
    }
  }

  /// The socket went away under it: whatever was joined is joined again on the next one.
  mutating func lostSocket(now: Duration, options: RealtimeOptions) {
    forgetFailures(at: now, options)
    if join != nil { state = .waiting(until: now, after: nil) }
  }

  /// Asked for by the receiver: a long pause is cut short, a backoff is not.
  mutating func comeBack(now: Duration, options: RealtimeOptions) {
    if case .waiting(_, let end?) = state, end.comesBack != .late { return }
    forgetFailures(at: now, options)
    state = .waiting(until: now, after: nil)
  }

  /// There is another key: what a key was refused for may be tried.
  mutating func keyChanged(now: Duration) {
    if case .waiting(_, let end?) = state, end.problem.kind == .token {
      state = .waiting(until: now, after: nil)
    }
  }

  private mutating func forgetFailures(at now: Duration, _ options: RealtimeOptions) {
    guard isStable(at: now, options: options) else { return }
    failures = 0
    refusals = 0
  }
}
