package import Supabase

/// A running mirror: a feed that says which keys to look at, passes that find what it did not say, and marker rows
/// that prove it.
package actor Daemon {
  /// What a daemon works with.
  package struct Surroundings: Sendable {
    package let source: any MirroredProject
    package let target: any MirroredProject
    /// Source and target for marker rows. No request is to be tried twice: each failure may mean that the feed has
    /// lost something, and the next row comes soon.
    package let probes: (source: any MirroredProject, target: any MirroredProject)
    /// Source and target for the keys that the feed names: they do not wait behind pages.
    package let forFeed: (source: any MirroredProject, target: any MirroredProject)
    /// nil: `SYNC_REALTIME=false`.
    package let feed: (any MirroredFeed)?
    package let store: StateStore
    package let log: Log
    /// Paces everything; tests advance it.
    package let clock: any Clock<Duration>
    /// Microseconds since 2000-01-01.
    package let now: @Sendable () -> Int64
    /// Source and target as their last requests found them.
    package let projects: @Sendable () -> (source: ProjectStatus, target: ProjectStatus)
    /// Told how far the copy of each whole table is.
    package let progress: @Sendable (TableProgress) -> Void
    /// What a person approved since it was asked the last time; for the pass that begins now.
    package let takeApproval: @Sendable () -> DeleteApproval
    /// What comparing all rows of each table found last.
    package let verified: @Sendable () async -> [TableName: TableVerification]

    package init(
      source: any MirroredProject, target: any MirroredProject, feed: (any MirroredFeed)?,
      store: StateStore, log: Log, clock: any Clock<Duration> = ContinuousClock(),
      now: @escaping @Sendable () -> Int64,
      probes: (source: any MirroredProject, target: any MirroredProject)? = nil,
      forFeed: (source: any MirroredProject, target: any MirroredProject)? = nil,
      projects: @escaping @Sendable () -> (source: ProjectStatus, target: ProjectStatus),
      progress: @escaping @Sendable (TableProgress) -> Void = { _ in },
      takeApproval: @escaping @Sendable () -> DeleteApproval = { .none },
      verified: @escaping @Sendable () async -> [TableName: TableVerification] = { [:] }
    ) {
      self.source = source
      self.target = target
      self.probes = probes ?? (source, target)
      self.forFeed = forFeed ?? (source, target)
      self.feed = feed
      self.store = store
      self.log = log
      self.clock = clock
      self.now = now
      self.projects = projects
      self.progress = progress
      self.takeApproval = takeApproval
      self.verified = verified
    }
  }

  let surroundings: Surroundings
  let settings: Settings
  let marker: Marker
  let elapsed: @Sendable () -> Duration
  let startedAt: Int64
  var tables: [TableConfiguration]

  var schedule: PassSchedule
  let passAlarm: Alarm
  var passes = PassRecord()

  var feedPlan: FeedPlan?
  var health: FeedHealth
  let feedAlarm: Alarm
  /// When the feed's health is to see the time at the latest.
  var watchedUntil: Duration?
  /// By channel.
  var witnesses: [String: FeedWitness] = [:]
  /// Since when each table has been reconciled to its end by whole passes: the begin of the last one.
  var reconciledFrom: [TableName: Duration] = [:]
  var lastBeat: Int64 = 0
  /// When the writing of each beat began, of those that may still come back.
  var beats: [Int64: Duration] = [:]
  /// The health asks for a beat.
  var isBeatDue = false
  let beatAlarm: Alarm
  /// When the beat began that is to be copied to the target.
  var uncopied: Duration?
  let markerAlarm: Alarm
  var lags = LagHistory()
  /// Tables, the marker's among them, that the server would not subscribe together with others.
  var refusedTables: Set<TableName> = []

  private var lanesTasks: Task<Void, Never>?
  private var feedTasks: [Task<Void, Never>] = []
  private var passTask: Task<Void, Never>?
  private var isStopping = false
  private let newLanes: AsyncStream<Lane>
  let lanes: Lanes
  /// So long may keys that wait be looked at once the daemon is asked to end.
  private static let drainTime = Duration.seconds(10)

  package init(
    settings: Settings, tables: [TableConfiguration], _ surroundings: Surroundings
  ) {
    self.settings = settings
    self.tables = tables
    self.surroundings = surroundings
    marker = Marker(
      source: surroundings.probes.source, target: surroundings.probes.target,
      mirror: surroundings.store.identity.name)
    elapsed = stopwatch(surroundings.clock)
    startedAt = surroundings.now()
    schedule = PassSchedule(interval: settings.loop ? settings.reconcileInterval : nil)
    passAlarm = Alarm(surroundings.clock)
    feedAlarm = Alarm(surroundings.clock)
    beatAlarm = Alarm(surroundings.clock)
    markerAlarm = Alarm(surroundings.clock)
    health = FeedHealth(channels: [], hasMarker: false, interval: settings.heartbeatInterval)

    let (stream, continuation) = AsyncStream.makeStream(of: Lane.self)
    newLanes = stream
    let link = DaemonLink()
    lanes = Lanes(
      Lane.Surroundings(
        source: surroundings.source, target: surroundings.target, store: surroundings.store,
        settings: settings, log: surroundings.log, now: surroundings.now,
        progress: { if $0.isBackfill { surroundings.progress($0) } },
        needsPass: { await link.daemon?.needsPass($0) },
        foundChanged: { await link.daemon?.foundChanged($0, $1) }, clock: surroundings.clock,
        forFeed: surroundings.forFeed),
      begun: { continuation.yield($0) })
    self.link = link
  }

  private let link: DaemonLink

  /// The tables as they are configured now.
  package var configuredTables: [TableConfiguration] { tables }

  /// Until `stop` is called or the task cancelled. Nothing is lost by either.
  package func run() async {
    await link.set(self)
    guard !isStopping else { return await link.set(nil) }
    lanesTasks = Task { await self.followLanes() }
    if let feed = surroundings.feed {
      feedTasks = [
        Task { await feed.run { await self.received($0) } },
        Task { await self.watchFeed() },
        Task { await self.writeBeats() },
        Task { await self.copyMarkers() },
      ]
    }
    let passes = Task { await self.runPasses() }
    passTask = passes
    await withTaskCancellationHandler {
      await passes.value
    } onCancel: {
      Task { await self.stop() }
    }
    for task in feedTasks { await task.value }
    await lanesTasks?.value
    await link.set(nil)
  }

  /// Ends the daemon: the pass under way stops behind its page, keys that wait are looked at for a while longer.
  package func stop() async {
    guard !isStopping else { return }
    isStopping = true
    for task in feedTasks { task.cancel() }
    passTask?.cancel()
    await passAlarm.ring()
    let all = await lanes.all
    let drain = Task { for lane in all { await lane.drain() } }
    let limit = Task { [surroundings, lanesTasks] in
      guard (try? await surroundings.clock.sleep(for: Self.drainTime)) != nil else { return }
      drain.cancel()
      lanesTasks?.cancel()
    }
    await passTask?.value
    await drain.value
    limit.cancel()
    lanesTasks?.cancel()
  }

  /// From now on these tables (`SIGHUP`). The next pass begins at once and takes them up. What the feed refused is asked
  /// for again without its long pause: perhaps that is why a person sent the signal.
  package func reload(_ tables: [TableConfiguration]) async {
    self.tables = tables
    refusedTables = []
    for channel in health.channels where channel.isRefused {
      await surroundings.feed?.rejoin(channel.channel.name)
    }
    await needsPass(.all)
  }

  /// Looks at whatever keys the feed has left to each lane.
  private func followLanes() async {
    await withDiscardingTaskGroup { group in
      for await lane in newLanes {
        group.addTask { await lane.follow() }
      }
      group.cancelAll()
    }
  }

  func needsPass(_ need: PassNeed) async {
    schedule.ask(for: need)
    await passAlarm.ring()
  }

  private func runPasses() async {
    while !Task.isCancelled {
      let wait = schedule.wait(at: elapsed(), random: .random(in: 0...1))
      if wait == .zero { await runPass() } else { await passAlarm.sleep(atMost: wait) }
    }
  }
}

/// Lets lanes reach the daemon that owns them.
private actor DaemonLink {
  private(set) var daemon: Daemon?
  func set(_ daemon: Daemon?) { self.daemon = daemon }
}
