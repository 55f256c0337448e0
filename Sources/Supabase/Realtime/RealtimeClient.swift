package import Transport

/// One project's Realtime: a socket that comes back by itself, and the channels on it. What it tells is in
/// `FeedEvent`; what it decides is in `RealtimeMachine`. There is a socket only while some channel wants one.
///
/// Delivery is at most once, so after every event that says so, rows are to be read again.
package actor RealtimeClient {
  private var machine: RealtimeMachine
  private let transport: any WebSocketTransport
  private let time: Timekeeper
  private let notice: @Sendable (RealtimeOddity, String) -> Void

  private var links: [Int: Link] = [:]
  private var timer: (moment: Duration, task: Task<Void, Never>)?
  private var outbox: [FeedEvent] = []
  private var isDelivering = false
  private var wakeUp: AsyncStream<Void>.Continuation?

  /// A connection from its beginning to its end.
  private struct Link {
    let task: Task<Void, Never>
    let outgoing: AsyncStream<[UInt8]>.Continuation
    /// Tells the reader that the receiver has had every event.
    let drained: AsyncStream<Void>.Continuation
    var connection: (any WebSocketConnection)?
  }

  /// - Parameters:
  ///   - random: from 0 to 1, for the jitter of waits.
  ///   - notice: told of messages of no use, once for each kind on each connection, with a sentence for people. It
  ///     must return at once.
  package init(
    project: Project, transport: any WebSocketTransport,
    options: RealtimeOptions = RealtimeOptions(),
    clock: any Clock<Duration> = ContinuousClock(),
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
    notice: @escaping @Sendable (RealtimeOddity, String) -> Void = { _, _ in }
  ) {
    machine = RealtimeMachine(
      url: project.url, key: project.key, options: options, random: random)
    self.transport = transport
    self.notice = notice
    time = Timekeeper(clock)
  }

  package var statistics: RealtimeStatistics { machine.statistics }

  /// Until the task is cancelled; then it returns once the socket is closed. `receive` is awaited, event by event:
  /// while it takes its time, nothing more is read from the network, but heartbeats go on. It may call this client.
  /// May be called again when it has returned.
  package func run(_ receive: @escaping @Sendable (FeedEvent) async -> Void) async {
    precondition(wakeUp == nil, "a Realtime client runs once at a time")
    let (wakes, wakeUp) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    self.wakeUp = wakeUp
    perform(machine.start(now: time.now()))
    for await _ in wakes {
      await deliverEvents(to: receive)
    }
    perform(machine.stop(now: time.now()))
    outbox = []
    timer?.task.cancel()
    timer = nil
    for link in links.values { await link.task.value }
    self.wakeUp = nil
  }

  /// From now on these channels, whose names must differ; those that are equal to what there was stay as they are.
  package func setChannels(_ channels: [FeedChannel]) {
    perform(machine.setChannels(channels, now: time.now()))
  }

  /// Leaves the channel and joins it anew; of the old join no event comes any more. A refused channel's pause is cut
  /// short. Nothing is told of it but the new `subscribed`.
  package func rejoin(_ channel: String) {
    perform(machine.rejoin(channel, now: time.now()))
  }

  /// Drops the socket and opens a new one, with backoff as after any other end.
  package func reconnect() {
    perform(machine.reconnect(now: time.now()))
  }

  /// Joined channels are told the new key and go on; each then says `subscribed` again. A key that is no JWT needs a
  /// new socket.
  package func setKey(_ key: ServiceKey) {
    perform(machine.setKey(key, now: time.now()))
  }
}

extension RealtimeClient {
  private func perform(_ actions: [RealtimeMachine.Action]) {
    for action in actions {
      switch action {
      case .connect(let request, let number): open(request, number)
      case .send(let text, let number): links[number]?.outgoing.yield(text)
      case .close(let number): close(number)
      case .emit(let event): outbox.append(event)
      case .notice(let oddity): notice(oddity, oddity.description)
      }
    }
    if !outbox.isEmpty { wakeUp?.yield() }
    setTimer()
  }

  private func deliverEvents(to receive: @Sendable (FeedEvent) async -> Void) async {
    isDelivering = true
    machine.readingPauses(now: time.now())
    while !outbox.isEmpty, !Task.isCancelled {
      await Self.deliver(outbox.removeFirst(), to: receive)
    }
    machine.readingGoesOn(now: time.now())
    isDelivering = false
    for link in links.values { link.drained.yield() }
    setTimer()
  }

  /// Off the actor, so that a busy receiver holds up no heartbeat.
  @concurrent private static func deliver(
    _ event: FeedEvent, to receive: @Sendable (FeedEvent) async -> Void
  ) async {
    await receive(event)
  }

  // Time.

  /// A timer that is too early does no harm: it sets the next one.
  private func setTimer() {
    guard let next = machine.nextDeadline else {
      timer?.task.cancel()
      timer = nil
      return
    }
    if let timer, timer.moment <= next { return }
    timer?.task.cancel()
    let time = time
    timer = (
      next,
      Task {
        do { try await time.sleep(next) } catch { return }
        timerRang(next)
      }
    )
  }

  private func timerRang(_ moment: Duration) {
    if timer?.moment == moment { timer = nil }
    perform(machine.timeReached(now: time.now()))
  }

  // Connections.

  private func open(_ request: WebSocketRequest, _ number: Int) {
    let (texts, outgoing) = AsyncStream<[UInt8]>.makeStream()
    let (drains, drained) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let task = Task { await carry(request, number, texts, drains) }
    links[number] = Link(task: task, outgoing: outgoing, drained: drained)
  }

  private func close(_ number: Int) {
    guard let link = links[number] else { return }
    link.outgoing.finish()
    guard let connection = link.connection else { return link.task.cancel() }
    Task {
      await connection.close(code: 1000)
      // Wakes a reader that waits for the receiver.
      link.task.cancel()
    }
  }

  /// One connection's whole life. Its number tells the machine whether it is still the present one.
  private func carry(
    _ request: WebSocketRequest, _ number: Int, _ texts: AsyncStream<[UInt8]>,
    _ drains: AsyncStream<Void>
  ) async {
    defer { links[number] = nil }
    let connection: any WebSocketConnection
    do {
      connection = try await transport.connect(request)
    } catch {
      return perform(machine.ended(error, connection: number, now: time.now()))
    }
    links[number]?.connection = connection
    let writer = Task { await Self.write(texts, to: connection) }
    if machine.connection == number {
      perform(machine.opened(connection: number, now: time.now()))
      await read(connection, number, drains)
    }
    // In a task of its own: this one may be cancelled, and the server is to be told all the same.
    await Task { await connection.close(code: 1000) }.value
    links[number]?.outgoing.finish()
    await writer.value
  }

  /// A send that fails needs no care: the reader sees the end too.
  private static func write(
    _ texts: AsyncStream<[UInt8]>, to connection: any WebSocketConnection
  ) async {
    for await text in texts {
      do { try await connection.send(text) } catch { return }
    }
  }

  private func read(
    _ connection: any WebSocketConnection, _ number: Int, _ drains: AsyncStream<Void>
  ) async {
    var drains = drains.makeAsyncIterator()
    do {
      while machine.connection == number {
        let message = try await connection.receive()
        perform(machine.received(message, connection: number, now: time.now()))
        while isDelivering || !outbox.isEmpty {
          guard await drains.next(isolation: #isolation) != nil else { return }
        }
      }
    } catch {
      perform(machine.ended(error, connection: number, now: time.now()))
    }
  }
}

/// A clock, from the client's beginning on.
struct Timekeeper: Sendable {
  let now: @Sendable () -> Duration
  /// Until that moment.
  let sleep: @Sendable (Duration) async throws -> Void

  init(_ clock: any Clock<Duration>) { self.init(opened: clock) }

  private init<C: Clock>(opened clock: C) where C.Duration == Duration {
    let start = clock.now
    now = { start.duration(to: clock.now) }
    sleep = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
  }
}
