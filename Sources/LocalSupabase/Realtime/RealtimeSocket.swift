import JSON

/// What one socket of a Realtime server does next, decided without a socket, a clock or a database: frames, answers
/// and the passing of time go in, frames and orders come out. Times are microseconds since 1970.
///
/// As in the server it copies, one process serves a socket: a refused join holds up everything else on it.
struct RealtimeSocket: Sendable {
  enum Input: Sendable {
    case text([UInt8])
    /// A binary frame: dropped, but a sign of life.
    case binary
    /// The time of `deadline` has come.
    case due
    /// The database's answer to `Effect.subscribe`; nil: the subscriptions stand.
    case subscribed(channel: Int, complaint: String?)
    /// The server made the subscriptions anew by itself.
    case resubscribed(channel: Int, complaint: String?)
    case changed(ChangeDelivery)
    /// Every channel's token counts as expired now.
    case expireTokens
    /// The operator reloads the tenant.
    case disconnect
    /// The server ends.
    case stop
  }

  enum Effect: Hashable, Sendable {
    case send([UInt8])
    case subscribe(
      channel: Int, [Subscription], claims: SubscriptionClaims, when: SubscribeTime)
    case unsubscribe(channel: Int)
    /// With this WebSocket code; nothing is asked of the socket any more but to `end`.
    case close(Int)
  }

  enum SubscribeTime: Hashable, Sendable {
    case now
    /// 1 to 3 s after a new token; until then the old claims hold.
    case afterRefresh
    /// 5 to 10 s after the database did not answer in time.
    case afterTimeout
  }

  private struct Blocked {
    var until: Int64
    var frames: [[UInt8]]
    var closeCode: Int?
  }

  let id: Int
  private let options: RealtimeOptions
  private let serializer: RealtimeSerializer
  private let apiKey: String
  private var channels: [String: RealtimeChannel] = [:]
  private var topics: [Int: String] = [:]
  private var lastReceived: Int64
  private var blocked: Blocked?
  private var waiting: [Input] = []
  private var isOver = false

  init(
    id: Int, options: RealtimeOptions, serializer: RealtimeSerializer, apiKey: String, now: Int64
  ) {
    self.id = id
    self.options = options
    self.serializer = serializer
    self.apiKey = apiKey
    lastReceived = now
  }

  /// When `due` is to be handed in, unless something changes it before.
  var deadline: Int64? {
    if isOver { return nil }
    if let blocked { return blocked.until }
    let checks = channels.values.map(\.nextCheck).min() ?? .max
    return min(lastReceived + options.idleTimeout.microseconds, checks)
  }

  /// The numbers of the joined channels.
  var channelNumbers: [Int] { topics.keys.sorted() }

  /// Bytes of the client, pings too, came at this time.
  mutating func heard(at time: Int64) { lastReceived = max(lastReceived, time) }

  mutating func handle(
    _ input: Input, now: Int64, tenant: inout RealtimeTenant
  ) -> [Effect] {
    if isOver { return [] }
    switch input {
    case .text, .binary: heard(at: now)
    case .stop: return close(1012)
    case .disconnect:
      let messages = joined.map { RealtimeMessage.serverRequestedDisconnect(topic: $0.topic) }
      return messages.map(send) + close(1012)
    default: break
    }
    guard let blocked else { return decide(input, now, &tenant) }
    guard case .due = input else {
      waiting.append(input)
      return []
    }
    return blocked.until <= now ? unblock(blocked, now, &tenant) : []
  }

  /// The socket is gone.
  mutating func end(tenant: inout RealtimeTenant) -> [Effect] {
    isOver = true
    tenant.members.remove(id)
    let effects = channelNumbers.map { Effect.unsubscribe(channel: $0) }
    channels = [:]
    topics = [:]
    return effects
  }

  private mutating func unblock(
    _ blocked: Blocked, _ now: Int64, _ tenant: inout RealtimeTenant
  ) -> [Effect] {
    self.blocked = nil
    var effects = blocked.frames.map { Effect.send($0) }
    if let code = blocked.closeCode { return effects + close(code) }
    var inputs = waiting[...]
    waiting = []
    while self.blocked == nil, !isOver, let input = inputs.popFirst() {
      effects += decide(input, now, &tenant)
    }
    waiting = Array(inputs)
    return effects
  }

  private mutating func decide(
    _ input: Input, _ now: Int64, _ tenant: inout RealtimeTenant
  ) -> [Effect] {
    switch input {
    case .text(let text):
      return serializer.read(text).map { received($0, now, &tenant) } ?? []
    case .due:
      if now >= lastReceived + options.idleTimeout.microseconds { return close(1000) }
      return joined.flatMap { checkToken(of: $0, now) }
    case .subscribed(let number, let complaint):
      guard let channel = channel(number) else { return [] }
      let told = [send(channel.subscribed(complaint))]
      return complaint == "Too many database timeouts"
        ? told + [channel.subscribe(.afterTimeout)] : told
    case .resubscribed(let number, let complaint):
      return channel(number).map { [send($0.subscribed(complaint))] } ?? []
    case .changed(let change):
      return channel(change.channel).map { [send($0.changed(change))] } ?? []
    case .expireTokens:
      return joined.flatMap { shutDown($0, RealtimeToken.Refusal.expired(secondsAgo: 0).message) }
    case .binary, .disconnect, .stop: return []
    }
  }

  private mutating func received(
    _ message: ClientMessage, _ now: Int64, _ tenant: inout RealtimeTenant
  ) -> [Effect] {
    if message.topic == "phoenix", message.event == "heartbeat" {
      if tenant.ignoresHeartbeats { return [] }
      return [send(.reply(joinRef: .null, ref: message.ref, topic: message.topic))]
    }
    if message.event == "phx_join" { return join(message, now, &tenant) }
    guard var channel = channels[message.topic] else {
      if message.event == "phx_leave" {
        return [send(.reply(joinRef: message.joinRef, ref: message.ref, topic: message.topic))]
      }
      return [unmatched(message)]
    }
    // A message for an earlier join of the topic is dropped; one without a join ref is for the present join.
    guard message.joinRef.isNull || message.joinRef == channel.joinRef else { return [] }
    switch message.event {
    case "phx_leave":
      let reply = send(
        .reply(joinRef: channel.joinRef, ref: message.ref, topic: message.topic))
      return [reply] + remove(channel) + [send(channel.closed)]
    case "access_token":
      guard let token = RealtimeJoin.token(message.payload["access_token"]?.string),
        token != channel.token
      else { return [] }
      do {
        let read = try RealtimeToken(token, secret: options.jwtSecret, now: now)
        channel.refresh(token, read, now: now, interval: options.tokenCheckInterval.microseconds)
        channels[message.topic] = channel
        return channel.hasBindings ? [channel.subscribe(.afterRefresh)] : []
      } catch {
        return shutDown(channel, error.message)
      }
    default: return []
    }
  }

  private mutating func join(
    _ message: ClientMessage, _ now: Int64, _ tenant: inout RealtimeTenant
  ) -> [Effect] {
    guard message.topic.hasPrefix(realtimePrefix) else { return [unmatched(message)] }
    var effects: [Effect] = []
    var closedBefore: RealtimeMessage?
    if let old = channels[message.topic] {
      effects = remove(old)
      closedBefore = old.closed
    }
    let wanted = RealtimeJoin(topic: message.topic, payload: message.payload)
    do {
      let read = try admit(wanted, message.topic, now, &tenant)
      let channel = RealtimeChannel(
        number: tenant.joins(socket: id), message: message, join: wanted,
        token: wanted.token ?? apiKey, read: read, now: now,
        interval: options.tokenCheckInterval.microseconds)
      channels[message.topic] = channel
      topics[channel.number] = message.topic
      effects.append(send(channel.reply(to: message)))
      // The end of the join before comes after the reply of the new one.
      if let closedBefore { effects.append(send(closedBefore)) }
      if wanted.wantsPresence { effects.append(send(channel.noPresence)) }
      if channel.hasBindings { effects.append(channel.subscribe(.now)) }
    } catch {
      let refusal = RealtimeMessage.refusal(
        joinRef: message.joinRef, ref: message.ref, topic: message.topic, reason: error.reason)
      blocked = Blocked(
        until: now + options.channelErrorDelay.microseconds,
        frames: ([refusal] + (closedBefore.map { [$0] } ?? [])).map(serializer.write),
        closeCode: error.closes ? 1001 : nil)
    }
    return effects
  }

  private struct JoinRefusal: Error {
    var reason: String
    var closes = false
  }

  /// In the order in which the server looks.
  private func admit(
    _ wanted: RealtimeJoin, _ topic: String, _ now: Int64, _ tenant: inout RealtimeTenant
  ) throws(JoinRefusal) -> RealtimeToken {
    if let reason = tenant.refusal { throw JoinRefusal(reason: reason) }
    if topic == realtimePrefix {
      throw JoinRefusal(reason: "TopicNameRequired: You must provide a topic name")
    }
    if tenant.hasTooManyJoins(options, now: now) {
      throw JoinRefusal(
        reason: "ClientJoinRateLimitReached: Too many joins per second", closes: true)
    }
    tenant.joins.add(now: now)
    if channels.count >= options.maxChannelsPerClient {
      throw JoinRefusal(reason: "ChannelRateLimitReached: Too many channels")
    }
    if tenant.members.count >= options.maxConnectedUsers, !tenant.members.contains(id) {
      throw JoinRefusal(reason: "ConnectionRateLimitReached: Too many connected users")
    }
    let token: RealtimeToken
    do {
      token = try RealtimeToken(
        wanted.token ?? apiKey, secret: options.jwtSecret, now: now)
    } catch {
      throw JoinRefusal(reason: "\(error.code): \(error.message)")
    }
    // There are no policies for private channels here, so only a role that needs none may join.
    if wanted.isPrivate, token.claims.role != "service_role" {
      let name = topic.dropFirst(realtimePrefix.count)
      throw JoinRefusal(
        reason: "Unauthorized: You do not have permissions to read from this Channel topic: \(name)"
      )
    }
    return token
  }

  private mutating func checkToken(of channel: RealtimeChannel, _ now: Int64) -> [Effect] {
    guard channel.nextCheck <= now else { return [] }
    guard let refusal = channel.expiry(now: now) else {
      channels[channel.topic]?.checked(now: now, interval: options.tokenCheckInterval.microseconds)
      return []
    }
    return shutDown(channel, refusal.message)
  }

  /// The server ends a channel: it says why, then that it is over. The socket stays.
  private mutating func shutDown(_ channel: RealtimeChannel, _ message: String) -> [Effect] {
    let words = RealtimeMessage.system(
      joinRef: channel.joinRef, topic: channel.topic, extension: "system", isOK: false, message)
    return [send(words)] + remove(channel) + [send(channel.closed)]
  }

  private mutating func remove(_ channel: RealtimeChannel) -> [Effect] {
    channels[channel.topic] = nil
    topics[channel.number] = nil
    return [.unsubscribe(channel: channel.number)]
  }

  private mutating func close(_ code: Int) -> [Effect] {
    isOver = true
    return [.close(code)]
  }

  /// In the order of their joins.
  private var joined: [RealtimeChannel] { channelNumbers.compactMap { channel($0) } }

  private func channel(_ number: Int) -> RealtimeChannel? {
    topics[number].flatMap { channels[$0] }
  }

  private func send(_ message: RealtimeMessage) -> Effect { .send(serializer.write(message)) }

  private func unmatched(_ message: ClientMessage) -> Effect {
    send(
      .refusal(
        joinRef: .null, ref: message.ref, topic: message.topic, reason: "unmatched topic"))
  }
}

extension Duration {
  /// Whole microseconds.
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}
