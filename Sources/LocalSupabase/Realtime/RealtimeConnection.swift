import Transport

/// One open socket: it hands in what comes and carries out what `RealtimeSocket` decides, in one task.
///
/// What is posted waits in a mailbox, as it does before the process of a socket in the server this one copies.
final class RealtimeConnection: Sendable {
  /// A client that does not take this many bytes is cut off. The real server ends a process of this size.
  static let queuedBytesLimit = 50 << 20

  let id: Int
  private let service: RealtimeService
  private let source: any ChangeSource
  private let webSocket: ServerWebSocket
  private let mail: AsyncStream<RealtimeSocket.Input>
  private let mailbox: AsyncStream<RealtimeSocket.Input>.Continuation

  init(
    _ id: Int, _ webSocket: ServerWebSocket, of service: RealtimeService,
    _ source: any ChangeSource
  ) {
    self.id = id
    self.service = service
    self.source = source
    self.webSocket = webSocket
    (mail, mailbox) = AsyncStream.makeStream()
  }

  /// Hands something in, in order; dropped once the socket is over.
  func post(_ input: RealtimeSocket.Input) { mailbox.yield(input) }

  /// Ends the connection without a close frame.
  func kill() { webSocket.reset() }

  /// Returns when the socket is over and its channels are given back.
  func run(_ serializer: RealtimeSerializer, apiKey: String) async {
    var socket = RealtimeSocket(
      id: id, options: service.options, serializer: serializer, apiKey: apiKey,
      now: WallClock.system.now())
    var work = SubscriptionWork(self)
    await withTaskGroup { group in
      group.addTask { await self.read() }
      var timer = Timer()
      timer.set(to: socket.deadline, self)
      for await input in mail {
        let now = WallClock.system.now()
        socket.heard(at: now - webSocket.lastInbound.duration(to: .now).microseconds)
        let effects = service.tenant.withLock { socket.handle(input, now: now, tenant: &$0) }
        perform(effects, &work)
        timer.set(to: socket.deadline, self)
      }
      timer.set(to: nil, self)
      // Where the client was not read to its end, nobody shall read on.
      group.cancelAll()
    }
    perform(service.tenant.withLock { socket.end(tenant: &$0) }, &work)
    await work.end()
  }

  private func read() async {
    while let message = await webSocket.receive() {
      switch message {
      case .text(let text): post(.text(text))
      case .binary: post(.binary)
      }
    }
    mailbox.finish()
  }

  private func perform(_ effects: [RealtimeSocket.Effect], _ work: inout SubscriptionWork) {
    for effect in effects {
      switch effect {
      case .send(let frame):
        webSocket.send(frame)
        service.countFrame()
      case .subscribe(let channel, let subscriptions, let claims, let when):
        work.subscribe(channel, subscriptions, claims, when)
      case .unsubscribe(let channel): work.unsubscribe(channel)
      case .close(let code):
        webSocket.close(code: code)
        mailbox.finish()
      }
    }
    if webSocket.queuedBytes > Self.queuedBytesLimit { webSocket.reset() }
  }

  /// Posts `due` when the deadline has come.
  private struct Timer {
    private var deadline: Int64?
    private var task: Task<Void, Never>?

    mutating func set(to new: Int64?, _ connection: RealtimeConnection) {
      // A `due` that was too early must be posted again.
      if let new, new == deadline, new > WallClock.system.now() { return }
      task?.cancel()
      deadline = new
      task = new.map { deadline in
        Task {
          let left = max(1, deadline - WallClock.system.now())
          guard (try? await Task.sleep(for: .microseconds(left))) != nil else { return }
          connection.post(.due)
        }
      }
    }
  }

  /// What the database is asked for, of each channel one thing after the other.
  private struct SubscriptionWork {
    private let connection: RealtimeConnection
    private var last: [Int: Task<Void, Never>] = [:]
    private var ending: Task<Void, Never>?

    init(_ connection: RealtimeConnection) { self.connection = connection }

    mutating func subscribe(
      _ channel: Int, _ subscriptions: [Subscription], _ claims: SubscriptionClaims,
      _ when: RealtimeSocket.SubscribeTime
    ) {
      let (before, service) = (last[channel], connection.service)
      service.own(channel, connection)
      last[channel] = Task { [connection] in
        await before?.value
        guard (try? await Task.sleep(for: service.wait(when))) != nil else { return }
        let complaint = await connection.source.subscribe(
          channel: channel, subscriptions, claims: claims)
        connection.post(.subscribed(channel: channel, complaint: complaint))
      }
    }

    mutating func unsubscribe(_ channel: Int) {
      let (before, earlier) = (last.removeValue(forKey: channel), ending)
      connection.service.disown(channel)
      before?.cancel()
      ending = Task { [source = connection.source] in
        await earlier?.value
        await before?.value
        await source.unsubscribe(channel: channel)
      }
    }

    /// Returns when nothing is under way any more.
    func end() async { await ending?.value }
  }
}
