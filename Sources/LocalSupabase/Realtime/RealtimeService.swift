package import Transport

/// A server that speaks Realtime's protocol for `postgres_changes`, as an upgrade and a handler for an `HTTPServer`.
/// Broadcast is not offered, and presence only as far as it is empty.
package final class RealtimeService: Sendable {
  let options: RealtimeOptions
  let tenant = Locked(RealtimeTenant())
  private let makeSource: @Sendable (ChangeListener) -> RunningChangeSource
  private let state = Locked(State())

  private struct State {
    var source: RunningChangeSource?
    var connections: [Int: RealtimeConnection] = [:]
    /// By channel.
    var owners: [Int: RealtimeConnection] = [:]
    var waiting: [CheckedContinuation<Void, Never>] = []
    var dropsChanges = false
    var frames = 0
    var opened = 0
  }

  /// What has happened so far, and what is open.
  package struct Counts: Hashable, Sendable {
    package var openSockets = 0
    package var openedSockets = 0
    /// Joins that were answered `ok`.
    package var joins = 0
    package var framesSent = 0
  }

  /// It is running when it is made.
  init(
    _ options: RealtimeOptions,
    makeSource: @escaping @Sendable (ChangeListener) -> RunningChangeSource
  ) {
    self.options = options
    self.makeSource = makeSource
    start()
  }

  /// - Parameter dsn: for libpq, as a superuser.
  package convenience init(_ options: RealtimeOptions, dsn: String) {
    self.init(options) { listener in
      let poller = ChangePoller(
        dsn: dsn, options: options, resubscribed: { listener.resubscribed($0, $1) },
        deliver: { listener.changed($0) })
      return RunningChangeSource(source: poller, stop: { await poller.stop() })
    }
  }

  package var counts: Counts {
    let joins = tenant.withLock { $0.joined }
    return state.withLock {
      Counts(
        openSockets: $0.connections.count, openedSockets: $0.opened, joins: joins,
        framesSent: $0.frames)
    }
  }

  /// For `HTTPServer`: decides about a request for a socket. The path is the server's own, `/socket/websocket`.
  package func upgrade(_ request: ServerRequest) async -> WebSocketAcceptance? {
    guard Self.isSocket(request.target) else { return nil }
    guard let source = state.withLock({ $0.source })?.source else { return .refuse(Self.isDown) }
    let decision = tenant.withLock {
      RealtimeHandshake(request, options: options, now: WallClock.system.now(), tenant: &$0)
    }
    switch decision {
    case .refused(let answer, let isDelayed):
      if isDelayed { try? await Task.sleep(for: options.connectErrorDelay) }
      return .refuse(answer)
    case .accepted(let serializer, let apiKey):
      return .accept(headers: [
        HTTPHeader("cache-control", "max-age=0, private, must-revalidate"),
        HTTPHeader("server", "Cowboy"),
      ]) { [self] webSocket in
        let id = tenant.withLock { $0.opens() }
        let connection = RealtimeConnection(id, webSocket, of: self, source)
        open(connection)
        await connection.run(serializer, apiKey: apiKey)
        close(connection)
      }
    }
  }

  /// For `HTTPServer`: answers a request that asks for no socket; nil where the path is none of the service's.
  package func answer(_ request: ServerRequest) async -> ServerAnswer? {
    switch await upgrade(request) {
    case nil: return nil
    case .refuse(let answer): return answer
    case .accept:
      return ServerAnswer(
        status: 400, body: Array("'connection' header must contain 'upgrade', got []".utf8),
        framing: .contentLength)
    }
  }

  /// Ends the Realtime server alone: every socket is closed with 1012 and new ones are refused as by a gateway
  /// whose upstream is down. The slot goes with it, as soon as PostgreSQL notices. May be called twice.
  package func stop() async {
    let (source, connections) = state.withLock { state in
      defer { state.source = nil }
      return (state.source, Array(state.connections.values))
    }
    for connection in connections { connection.post(.stop) }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isEmpty = state.withLock { state in
        if !state.connections.isEmpty { state.waiting.append(continuation) }
        return state.connections.isEmpty
      }
      if isEmpty { continuation.resume() }
    }
    await source?.stop()
  }

  /// Begins anew after `stop`.
  package func start() {
    let listener = ChangeListener(
      changed: { [weak self] in self?.deliver($0) },
      resubscribed: { [weak self] channel, complaint in
        self?.owner(of: channel)?.post(.resubscribed(channel: channel, complaint: complaint))
      })
    state.withLock { state in
      if state.source == nil { state.source = makeSource(listener) }
    }
  }

  private static func isSocket(_ target: [UInt8]) -> Bool {
    target.prefix { $0 != UInt8(ascii: "?") }.elementsEqual("/socket/websocket".utf8)
  }

  private static var isDown: ServerAnswer {
    ServerAnswer(
      status: 502, headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8")],
      body: Array(
        #"{"message":"An invalid response was received from the upstream server"}"#.utf8),
      framing: .contentLength)
  }
}

/// Faults on order. Each lasts until it is taken back; what a client sees is what the real server's failure shows it.
extension RealtimeService {
  /// Ends every connection without a close frame.
  package func killSockets() { for connection in connections { connection.kill() } }

  /// Refuses every join with this reason, such as `UnableToConnectToProject: …`; nil: no longer.
  package func refuseJoins(with reason: String?) { tenant.withLock { $0.refusal = reason } }

  /// Heartbeats are not answered.
  package func ignoreHeartbeats(_ isOn: Bool) { tenant.withLock { $0.ignoresHeartbeats = isOn } }

  /// Changes are taken from the database and thrown away, as over the limit of events a second.
  package func dropChanges(_ isOn: Bool) { state.withLock { $0.dropsChanges = isOn } }

  /// Every joined channel is told that its token has expired, and closed.
  package func expireTokens() { for connection in connections { connection.post(.expireTokens) } }

  /// Every channel is told `Server requested disconnect`, and its socket closed with 1012.
  package func disconnectAll() { for connection in connections { connection.post(.disconnect) } }

  /// What is delivered ends for the channels that are joined now, while sockets and heartbeats go on and nobody is
  /// told, as after the server gave up on its slot. A new join or token mends a channel.
  package func zombie() async {
    let (source, channels) = state.withLock { ($0.source?.source, $0.owners.keys.sorted()) }
    for channel in channels { await source?.unsubscribe(channel: channel) }
  }

  private var connections: [RealtimeConnection] {
    state.withLock { Array($0.connections.values) }
  }
}

/// For connections and the source of changes.
extension RealtimeService {
  func countFrame() { state.withLock { $0.frames += 1 } }

  /// Changes of the channel go to the connection from now on.
  func own(_ channel: Int, _ connection: RealtimeConnection) {
    state.withLock { $0.owners[channel] = connection }
  }

  func disown(_ channel: Int) { state.withLock { $0.owners[channel] = nil } }

  /// How long a subscription is put off.
  func wait(_ time: RealtimeSocket.SubscribeTime) -> Duration {
    switch time {
    case .now: .zero
    case .afterRefresh: Self.random(in: options.coldStart)
    case .afterTimeout: Self.random(in: options.channelErrorDelay...options.channelErrorDelay * 2)
    }
  }

  private func deliver(_ changes: [ChangeDelivery]) {
    let owners = state.withLock { $0.dropsChanges ? [:] : $0.owners }
    for change in changes { owners[change.channel]?.post(.changed(change)) }
  }

  private func owner(of channel: Int) -> RealtimeConnection? {
    state.withLock { $0.owners[channel] }
  }

  private func open(_ connection: RealtimeConnection) {
    let isRunning = state.withLock { state in
      state.connections[connection.id] = connection
      state.opened += 1
      return state.source != nil
    }
    // It was accepted while the server was stopped.
    if !isRunning { connection.post(.stop) }
  }

  private func close(_ connection: RealtimeConnection) {
    let waiting = state.withLock { state in
      state.connections[connection.id] = nil
      guard state.connections.isEmpty else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  private static func random(in range: ClosedRange<Duration>) -> Duration {
    .microseconds(Int64.random(in: range.lowerBound.microseconds...range.upperBound.microseconds))
  }
}

/// What a source of changes tells the sockets, from any thread, in order.
struct ChangeListener: Sendable {
  let changed: @Sendable ([ChangeDelivery]) -> Void
  /// The channel's subscriptions were made anew, because the publication changed; nil: they stand.
  let resubscribed: @Sendable (_ channel: Int, _ complaint: String?) -> Void
}

/// A source of changes, and how it is ended.
struct RunningChangeSource: Sendable {
  let source: any ChangeSource
  let stop: @Sendable () async -> Void
}
