import Transport

/// All that the client decides: from what happened to what is to be done, without doing any of it. Times are
/// measured from the client's beginning.
///
/// Connections are numbered; what comes of an older one than the present is dropped.
struct RealtimeMachine {
  let url: ProjectURL
  let options: RealtimeOptions
  let random: @Sendable () -> Double
  var key: ServiceKey
  /// Counts the keys there were.
  private(set) var keyNumber = 0
  private(set) var redaction: Redaction

  var socket = Socket.stopped
  var channels: [RealtimeChannel] = []
  var reading = ReadingTime()
  /// Topics of channels that were dropped on this connection: what still comes for them is no surprise.
  var formerTopics: Set<String> = []
  /// What was told of this connection's messages.
  var noticed: Set<RealtimeOddity> = []
  var statistics = RealtimeStatistics()
  /// After a limit that concerns every channel.
  var joinsNotBefore = Duration.zero
  private var lastConnection = 0
  private var lastRef = 0
  /// Sockets that failed in succession, until a subscription has lasted.
  private var failures = 0

  enum Socket: Hashable {
    case stopped
    /// The next one is opened then, if a channel wants one.
    case waiting(until: Duration, after: FeedProblem.Kind?)
    case connecting(Int)
    case open(Int, Heartbeat)
  }

  init(
    url: ProjectURL, key: ServiceKey, options: RealtimeOptions,
    random: @escaping @Sendable () -> Double
  ) {
    self.url = url
    self.key = key
    self.options = options
    self.random = random
    redaction = Redaction(key)
  }

  enum Action: Sendable {
    case connect(WebSocketRequest, connection: Int)
    /// In the order of the actions.
    case send([UInt8], connection: Int)
    /// The connection is no more, whether it was open or not.
    case close(connection: Int)
    case emit(FeedEvent)
    /// The first of its kind on this connection.
    case notice(RealtimeOddity)
  }

  // Commands, by the receiver of the events.

  mutating func start(now: Duration) -> [Action] {
    guard case .stopped = socket else { return [] }
    socket = .waiting(until: now, after: nil)
    return timeReached(now: now)
  }

  /// Nothing is told of it: whoever stops the client knows.
  mutating func stop(now: Duration) -> [Action] {
    defer {
      socket = .stopped
      for index in channels.indices { channels[index].lostSocket(now: now, options: options) }
    }
    return connection.map { [.close(connection: $0)] } ?? []
  }

  mutating func setChannels(_ feeds: [FeedChannel], now: Duration) -> [Action] {
    precondition(
      Set(feeds.map(\.name)).count == feeds.count, "two channels of one client have the same name")
    var actions: [Action] = []
    for index in channels.indices where !feeds.contains(channels[index].feed) {
      leave(index, &actions)
      formerTopics.insert(channels[index].topic)
    }
    channels = feeds.map { feed in
      channels.first { $0.feed == feed } ?? RealtimeChannel(feed, now: now)
    }
    return actions + timeReached(now: now)
  }

  /// Nothing where there is no such channel, or where it is about to be joined anyway.
  mutating func rejoin(_ name: String, now: Duration) -> [Action] {
    guard let index = channels.firstIndex(where: { $0.feed.name == name }) else { return [] }
    var actions: [Action] = []
    leave(index, &actions)
    channels[index].comeBack(now: now, options: options)
    return actions + timeReached(now: now)
  }

  /// Nothing where there is no socket: one is opened anyway, or is not wanted.
  mutating func reconnect(now: Duration) -> [Action] {
    guard case .open = socket else { return [] }
    var actions: [Action] = []
    dropSocket(
      SocketEnd(.server, "The connection to Realtime was dropped to open a new one."), now: now,
      &actions)
    return actions + timeReached(now: now)
  }

  /// A JWT goes to the joined channels; another kind of key can only stand in a new socket's URL.
  mutating func setKey(_ key: ServiceKey, now: Duration) -> [Action] {
    guard key.secret != self.key.secret else { return [] }
    self.key = key
    keyNumber += 1
    redaction.add(key)
    for index in channels.indices { channels[index].keyChanged(now: now) }
    var actions: [Action] = []
    switch socket {
    case .waiting(_, .token?): socket = .waiting(until: now, after: nil)
    case .open(let number, _):
      guard let token = key.realtimeToken else {
        dropSocket(
          SocketEnd(.server, "The connection to Realtime was dropped to use another key."),
          now: now, &actions)
        break
      }
      for channel in channels {
        guard let join = channel.join else { continue }
        let text = RealtimeMessage.accessToken(
          token, channel: channel.feed.name, join: join.number, ref: nextRef())
        actions.append(.send(text, connection: number))
      }
    case .stopped, .waiting, .connecting: break
    }
    return actions + timeReached(now: now)
  }

  // The present connection, as the network has it.

  mutating func opened(connection number: Int, now: Duration) -> [Action] {
    guard socket == .connecting(number) else { return [] }
    socket = .open(number, Heartbeat(options: options, openedAt: now))
    formerTopics = []
    noticed = []
    return [.emit(.connected)] + timeReached(now: now)
  }

  mutating func ended(_ error: WebSocketError, connection number: Int, now: Duration) -> [Action] {
    guard number == connection else { return [] }
    var actions: [Action] = []
    endSocket(SocketEnd(error, shown: redaction.shown(error.description)), now: now, &actions)
    return actions + timeReached(now: now)
  }

  // Time.

  /// Nothing is read from now on, until `readingGoesOn`.
  mutating func readingPauses(now: Duration) { reading.pause(at: now) }

  mutating func readingGoesOn(now: Duration) { reading.resume(at: now) }

  /// Whatever is due by now. May be called at any time.
  mutating func timeReached(now: Duration) -> [Action] {
    var actions: [Action] = []
    switch socket {
    case .stopped, .connecting: break
    case .waiting(let until, _):
      guard let due = nextJoin, max(due, until) <= now else { break }
      lastConnection += 1
      socket = .connecting(lastConnection)
      let request = RealtimeMessage.socket(of: url, key: key, options: options)
      actions.append(.connect(request, connection: lastConnection))
    case .open(let number, let heartbeat):
      if let limit = heartbeat.limit, isPast(limit, now) {
        dropSocket(
          SocketEnd(.connection, "Realtime did not answer a heartbeat in time."), now: now,
          &actions)
        break
      }
      for index in channels.indices {
        if let limit = channels[index].limit, isPast(limit, now) { giveUp(index, now, &actions) }
      }
      if heartbeat.due <= now { beat(heartbeat, number, now, &actions) }
      for index in channels.indices {
        if let due = channels[index].due, max(due, joinsNotBefore) <= now {
          join(index, number, now, &actions)
        }
      }
    }
    return actions
  }

  /// When `timeReached` is to be called next, if nothing else happens before; nil: need not be.
  var nextDeadline: Duration? {
    switch socket {
    case .stopped, .connecting: return nil
    case .waiting(let until, _): return nextJoin.map { max($0, until) }
    case .open(_, let heartbeat):
      let limits = [heartbeat.limit] + channels.map(\.limit)
      let moments = limits.compactMap { $0 }.min().flatMap { reading.moment(of: $0) }
      return [heartbeat.due, moments, nextJoin].compactMap { $0 }.min()
    }
  }

  var connection: Int? {
    switch socket {
    case .stopped, .waiting: nil
    case .connecting(let number), .open(let number, _): number
    }
  }

  /// When the first of the channels that are not joined wants to be.
  private var nextJoin: Duration? {
    channels.compactMap(\.due).min().map { max($0, joinsNotBefore) }
  }

  private func isPast(_ limit: Duration, _ now: Duration) -> Bool {
    !reading.isPaused && limit <= reading.time(at: now)
  }

  private mutating func nextRef() -> Int {
    lastRef += 1
    return lastRef
  }
}

extension RealtimeMachine {
  private var joinsInFlight: Int { channels.count { $0.isJoining } }

  private mutating func join(
    _ index: Int, _ number: Int, _ now: Duration, _ actions: inout [Action]
  ) {
    let ref = nextRef()
    let limit = reading.time(at: now) + options.joinLimit * (joinsInFlight + 1)
    channels[index].joined(.init(number: ref, key: keyNumber), limit: limit)
    let text = RealtimeMessage.join(channels[index].feed, join: ref, key: key)
    actions.append(.send(text, connection: number))
  }

  private mutating func beat(
    _ heartbeat: Heartbeat, _ number: Int, _ now: Duration, _ actions: inout [Action]
  ) {
    var heartbeat = heartbeat
    let ref = nextRef()
    heartbeat.sent(
      ref: ref, at: now, reading: reading.time(at: now),
      allowance: options.joinLimit * joinsInFlight)
    socket = .open(number, heartbeat)
    actions.append(.send(RealtimeMessage.heartbeat(ref: ref), connection: number))
  }

  /// Says goodbye where there is a join. The channel's state is the caller's business.
  private mutating func leave(_ index: Int, _ actions: inout [Action]) {
    guard case .open(let number, _) = socket, let join = channels[index].join else { return }
    let text = RealtimeMessage.leave(
      channels[index].feed.name, join: join.number, ref: nextRef())
    actions.append(.send(text, connection: number))
  }

  private mutating func giveUp(_ index: Int, _ now: Duration, _ actions: inout [Action]) {
    let text =
      channels[index].isJoining
      ? "Realtime did not answer the join in time."
      : "Realtime took the join, but did not say in time that it subscribed."
    end(index, ChannelEnd(channels[index].isJoining ? .connection : .server, text), now, &actions)
  }

  /// - Parameter isLeft: the server has no such channel any more.
  mutating func end(
    _ index: Int, _ end: ChannelEnd, isLeft: Bool = false, _ now: Duration,
    _ actions: inout [Action]
  ) {
    var end = end
    if end.problem.kind == .token, end.comesBack == .late,
      channels[index].join?.key != keyNumber
    {
      // The key has changed since.
      end = ChannelEnd(.token, end.problem.description)
    }
    noteStability(of: channels[index], now)
    if !isLeft { leave(index, &actions) }
    let random = random()
    actions.append(
      .emit(channels[index].ended(end, now: now, random: random, options: options)))
    if end.isOfAllChannels {
      joinsNotBefore = max(joinsNotBefore, now + options.limitPause * (1 + random))
    }
  }

  /// Ends the socket ourselves.
  private mutating func dropSocket(
    _ end: SocketEnd, now: Duration, _ actions: inout [Action]
  ) {
    if let connection { actions.append(.close(connection: connection)) }
    endSocket(end, now: now, &actions)
  }

  private mutating func endSocket(_ end: SocketEnd, now: Duration, _ actions: inout [Action]) {
    for index in channels.indices {
      noteStability(of: channels[index], now)
      channels[index].lostSocket(now: now, options: options)
    }
    failures += 1
    let random = random()
    var wait = options.backoff.wait(after: failures, random: random)
    if end.isLimit { wait = max(wait, options.limitPause * (1 + random)) }
    socket = .waiting(until: now + wait, after: end.problem.kind)
    actions.append(.emit(.disconnected(end.problem)))
  }

  private mutating func noteStability(of channel: RealtimeChannel, _ now: Duration) {
    if channel.isStable(at: now, options: options) { failures = 0 }
  }
}
