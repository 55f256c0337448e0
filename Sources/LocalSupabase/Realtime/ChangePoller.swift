import Transport

/// The database's half of a local Realtime server: keeps who subscribed to what, and tells them what changes, for as long
/// as the database and the limits allow.
///
/// Loses changes in every case in which the real server does: what was committed before its slot was made or while its
/// session was away, a whole poll in which one value cannot be converted, everything above the rate limit. It gives up
/// after enough failures, and begins anew when somebody subscribes.
actor ChangePoller: ChangeSource {
  /// Called with what one poll found, in order; the next poll waits for it to return.
  typealias Deliver = @Sendable ([ChangeDelivery]) async -> Void

  /// Called when the publication's list of tables changed and the channel's subscriptions were made anew: nil if they
  /// stand, else the message of the `system` error.
  typealias Resubscribed = @Sendable (_ channel: Int, _ message: String?) async -> Void

  private struct Channel {
    var subscriptions: [Subscription]
    var claims: SubscriptionClaims
    /// A later call for the same channel makes what an earlier one still waits for void.
    var generation: Int
    var isMade = false
  }

  /// What runs while there are subscribers.
  private struct Work {
    var number: Int
    var management: PostgresPool
    var tasks: [Task<Void, Never>] = []
    /// The first subscription was made.
    var isWarm = false
  }

  private let dsn: String
  private let options: RealtimeOptions
  private let deliver: Deliver
  private let resubscribed: Resubscribed
  private let subscriptions = Locked(SubscriptionTable())
  private var channels: [Int: Channel] = [:]
  private var generation = 0
  private var work: Work?
  private var ending: [Task<Void, Never>] = []
  private var isStopped = false

  /// - Parameters:
  ///   - dsn: for libpq, as a superuser.
  init(
    dsn: String, options: RealtimeOptions = RealtimeOptions(),
    resubscribed: @escaping Resubscribed = { _, _ in }, deliver: @escaping Deliver
  ) {
    self.dsn = dsn
    self.options = options
    self.resubscribed = resubscribed
    self.deliver = deliver
  }

  /// There was a subscriber not long ago, and it has not given up since.
  var isAtWork: Bool { work != nil }

  /// Ends everything; nothing is delivered after it returns. What is called later does nothing.
  func stop() async {
    isStopped = true
    channels = [:]
    end()
    for task in ending { await task.value }
    ending = []
  }

  func subscribe(
    channel: Int, _ subscriptions: [Subscription], claims: SubscriptionClaims
  ) async -> String? {
    guard !isStopped else { return nil }
    do {
      for subscription in subscriptions { _ = try SubscriptionParameters(subscription) }
    } catch {
      forget(channel)
      return error.message
    }
    generation += 1
    // Until the new ones stand, what was subscribed before goes on.
    channels[channel] = Channel(
      subscriptions: subscriptions, claims: claims, generation: generation)
    let generation = generation
    let work = begin()
    if !work.isWarm {
      // If this task is cancelled, the subscription is made at once.
      try? await Task.sleep(for: options.coldStart.random())
      if self.work?.number == work.number { self.work?.isWarm = true }
    }
    return await make(channel, generation)
  }

  func unsubscribe(channel: Int) async { forget(channel) }

  private func forget(_ channel: Int) {
    channels[channel] = nil
    subscriptions.withLock { $0.remove(channel) }
  }

  // The channel's subscriptions are all made, or none.
  private func make(_ channel: Int, _ generation: Int) async -> String? {
    var pause = RetryPause(options.retryBackoff)
    for attempt in 0... {
      guard let asked = channels[channel], asked.generation == generation else { return nil }
      let work = begin()
      let outcome: Result<[CheckedBinding], any Error>
      do {
        let check = SubscriptionCheck(claims: asked.claims)
        outcome = .success(
          try await work.management.withConnection(waitAtMost: .seconds(15)) { connection in
            try asked.subscriptions.map {
              try check.binding(SubscriptionParameters($0), id: $0.id, connection)
            }
          })
      } catch {
        outcome = .failure(error)
      }
      guard channels[channel]?.generation == generation else { return nil }
      switch outcome {
      case .success(let bindings):
        channels[channel]?.isMade = true
        subscriptions.withLock { $0.set(channel, bindings, asked.claims) }
        return nil
      case .failure(let error as SubscriptionParameters.Refusal):
        forget(channel)
        return error.message
      case .failure where attempt >= options.givesUpAfter || isStopped || Task.isCancelled:
        forget(channel)
        return "Too many database timeouts"
      case .failure: try? await Task.sleep(for: pause.next())
      }
    }
    return nil
  }

  /// The work that goes on, or a new one.
  private func begin() -> Work {
    if let work { return work }
    generation += 1
    let number = generation
    var new = Work(
      number: number, management: pool("realtime_subscription_manager", timeout: .seconds(10)))
    guard !isStopped else { return new }
    new.tasks = [Task { await self.poll(number) }, Task { await self.watchPublication(number) }]
    work = new
    return new
  }

  /// Ends the work that goes on, without waiting.
  private func end() {
    guard let work else { return }
    self.work = nil
    subscriptions.withLock { $0.removeAll() }
    for task in work.tasks { task.cancel() }
    let management = work.management
    ending = work.tasks + [Task { await management.close() }]
  }

  private func pool(_ name: String, timeout: Duration) -> PostgresPool {
    let milliseconds = max(1, Int(timeout / .milliseconds(1)))
    return PostgresPool(dsn: dsn, size: 1) { connection in
      try connection.run(
        script: """
          set application_name = '\(name)'; set statement_timeout = \(milliseconds); set jit = off
          """)
    }
  }

  private func poll(_ number: Int) async {
    var connection = pool("realtime_rls", timeout: options.pollTimeout)
    var session = ChangePoll.Session()
    var pause = RetryPause(options.retryBackoff)
    var failures = 0
    let clock = ContinuousClock()
    let start = clock.now
    var lastHeard = start
    var rate = EventRate(
      limit: options.maxEventsPerSecond, tick: options.eventRateTick, now: .zero)
    while work?.number == number, !Task.isCancelled {
      let begun = clock.now
      rate.advance(to: begun - start)
      if !channels.isEmpty { lastHeard = begun }
      if begun - lastHeard > options.stopsAfter { break }
      let poll = ChangePoll(
        options: options, subscriptions: subscriptions, isDiscarding: rate.isExceeded)
      let current = session
      var wait = Duration.zero
      do {
        let outcome = try await connection.withConnection(waitAtMost: .seconds(15)) {
          try poll.run($0, current)
        }
        guard work?.number == number, !Task.isCancelled else { break }
        session = outcome.session
        failures = 0
        pause.reset()
        if !outcome.deliveries.isEmpty {
          rate.count(outcome.deliveries.reduce(0) { $0 + $1.ids.count })
          await deliver(outcome.deliveries)
        }
        wait = self.wait(after: outcome, begun: begun, wasDiscarding: poll.isDiscarding)
      } catch {
        // PostgreSQL drops a session's temporary slots at every error.
        session = ChangePoll.Session()
        if Self.endsConnection(error) {
          await connection.close()
          connection = pool("realtime_rls", timeout: options.pollTimeout)
        }
        failures += 1
        // Nobody is told.
        if failures > options.givesUpAfter { break }
        wait = pause.next()
      }
      if wait > .zero { try? await Task.sleep(for: wait) }
    }
    await connection.close()
    if work?.number == number {
      for (channel, _) in channels { channels[channel] = nil }
      end()
    }
  }

  private func wait(
    after outcome: ChangePoll.Outcome, begun: ContinuousClock.Instant, wasDiscarding: Bool
  ) -> Duration {
    switch outcome.taken {
    case nil: options.publicationCheckInterval
    case 0?: options.idlePollInterval
    case let taken? where wasDiscarding || !outcome.deliveries.isEmpty:
      // With so many there may be more.
      taken >= options.pollMaxChanges && !wasDiscarding
        ? .zero : max(.zero, options.pollSpacing - (ContinuousClock().now - begun))
    default: options.unheardPollInterval.random()
    }
  }

  /// After these errors there is no connection any more, or none that could be trusted.
  private static func endsConnection(_ error: any Error) -> Bool {
    guard let error = error as? PostgresError else { return true }
    return error.isConnectionLost || error.sqlstate == nil || error.sqlstate == "57014"
  }

  /// Makes all subscriptions anew when the publication lists other tables than before.
  private func watchPublication(_ number: Int) async {
    var known: [[String?]]?
    while let work, work.number == number, !Task.isCancelled {
      let tables = try? await work.management.withConnection(waitAtMost: .seconds(15)) {
        try SubscriptionCheck.publishedTables($0)
      }
      if let tables {
        if let known, known != tables { await remakeAll(number) }
        known = tables
      }
      try? await Task.sleep(for: options.publicationCheckInterval)
    }
  }

  private func remakeAll(_ number: Int) async {
    for (channel, asked) in channels.sorted(by: { $0.key < $1.key }) where asked.isMade {
      guard work?.number == number else { return }
      generation += 1
      let generation = generation
      guard channels[channel]?.generation == asked.generation else { continue }
      channels[channel]?.generation = generation
      subscriptions.withLock { $0.remove(channel) }
      let message = await make(channel, generation)
      let isStill = channels[channel]?.generation == generation || message != nil
      if isStill, work?.number == number { await resubscribed(channel, message) }
    }
  }
}
