import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

/// A daemon between a source and a target in memory, on a clock that the test moves.
final class DaemonWorld {
  var world: World
  let clock: SteppedClock
  /// Of the daemon that runs; a new one for every start.
  private(set) var feed: MemoryFeed
  private(set) var daemon: Daemon!
  private var running: Task<Void, Never>?
  private let lines = Locked<[LogEvent]>([])
  /// Stand in front of the projects.
  let sourceDoor: ProjectDoor
  let targetDoor: ProjectDoor
  private var faults = MemoryFeed.Faults()

  var source: MemoryProject { world.source }
  var target: MemoryProject { world.target }

  init(_ world: World, marker: Bool = true) async {
    self.world = world
    let wall = world.clock
    clock = SteppedClock { time in wall.withLock { $0 += time.microseconds } }
    feed = MemoryFeed(clock)
    sourceDoor = ProjectDoor(world.source)
    targetDoor = ProjectDoor(world.target)
    guard marker else { return }
    for project in [world.source, world.target] { await project.change { $0.installMarker() } }
  }

  /// Items, of which the daemon has copied so many, with a feed that is proven.
  static func following(
    _ count: Int = 20, _ configure: (DaemonWorld) async -> Void = { _ in }
  ) async throws -> DaemonWorld {
    let world = await DaemonWorld(.items())
    await world.world.fill(1...count)
    await configure(world)
    try await world.start()
    #expect(await world.isLive())
    await world.world.expectEqual()
    return world
  }

  func start() async throws {
    let (feed, source) = (MemoryFeed(clock), source)
    self.feed = feed
    await source.change { $0.observer = { feed.observe($0) } }
    try begin()
    await settle()
  }

  /// Lets a daemon run, and does not wait for its first pass.
  func begin(stopped: Bool = false) throws {
    feed.set { $0 = faults }
    let (feed, lines, wall) = (feed, lines, world.clock)
    daemon = Daemon(
      settings: world.settings, tables: world.tables,
      Daemon.Surroundings(
        source: sourceDoor, target: targetDoor, feed: world.settings.realtime ? feed : nil,
        store: try StateStore(world.storage, identity: World.identity),
        log: Log { line in lines.withLock { $0.append(line) } }, clock: clock,
        now: { wall.withLock { $0 } },
        projects: { (ProjectStatus(url: "source"), ProjectStatus(url: "target")) }))
    running = Task { [daemon] in
      if stopped { await daemon!.stop() }
      await daemon!.run()
    }
  }

  func ended() async { await running?.value }

  /// Ends the daemon as a signal does.
  func stop() async {
    await daemon.stop()
    await running?.value
  }

  /// Faults of this feed and of those to come.
  func setFeed(_ body: (inout MemoryFeed.Faults) -> Void) {
    body(&faults)
    feed.set { $0 = faults }
  }

  /// Returns once every part of the daemon sleeps and nothing is on its way to it.
  func settle() async {
    let loops = world.settings.realtime ? 4 : 1
    await clock.wait { [clock, daemon] in
      let version = clock.version
      let isRunning = await daemon!.passes.status.isRunning
      let lanes = await daemon!.lanes.all.count
      return !isRunning && clock.deliveries == 0 && clock.sleepers == loops + lanes
        && clock.version == version
    }
  }

  /// Lets so much time pass.
  func run(for time: Duration) async {
    let end = clock.now.offset + time
    await settle()
    while clock.step(upTo: end) { await settle() }
  }

  /// Lets time pass until this holds.
  /// - Returns: whether it did within the limit.
  @discardableResult
  func run(
    within limit: Duration = .seconds(300), until condition: () async -> Bool
  ) async -> Bool {
    let end = clock.now.offset + limit
    await settle()
    while !(await condition()) {
      guard clock.step(upTo: end) else { return await condition() }
      await settle()
    }
    return true
  }

  /// Lets time pass until the feed is proven and its gaps are healed.
  func isLive(within limit: Duration = .seconds(600)) async -> Bool {
    await run(within: limit) {
      let health = await daemon.health
      return health.state == .live && health.channels.allSatisfy { $0.gap == nil }
    }
  }

  var passes: Int { get async { await daemon.passes.status.count } }

  func lane(_ table: String = "items") async -> Lane {
    await daemon.lanes.lane(of: TableName(name: table))!
  }

  func onTarget(_ id: Int, _ table: String = "items") async -> [JSONToken]? {
    await target.row(table, int(id))
  }

  /// Lines that people see.
  var log: [LogEvent] { lines.withLock { $0.filter { $0.level >= .info } } }

  /// A row at the source, new or changed just now.
  func put(_ id: Int, _ value: String, age: Int64 = 0) async {
    let now = world.now
    await source.change { $0.put("items", [int(id), time(now - age), text(value)]) }
  }

  func erase(_ ids: some Sequence<Int> & Sendable) async {
    await source.change { source in for id in ids { source.erase("items", int(id)) } }
  }
}

/// A project behind which a test can wait, and let others wait.
struct ProjectDoor: MirroredProject {
  typealias Kind = MemoryProject.Request.Kind
  typealias Watch = @Sendable (Kind, TableName?) async throws -> Void

  /// In a structure, as a function in a `Locked` is wrapped once more whenever it is looked at.
  struct Watches: Sendable {
    /// Runs before a request; a cancellation that it throws ends the request.
    var before: Watch = { _, _ in }
    /// Runs when it has been answered, or refused.
    var after: Watch = { _, _ in }
  }

  let project: MemoryProject
  private let watches = Locked(Watches())

  init(_ project: MemoryProject) { self.project = project }

  func before(_ watch: @escaping Watch) { watches.withLock { $0.before = watch } }
  func after(_ watch: @escaping Watch) { watches.withLock { $0.after = watch } }
  func open() { watches.withLock { $0 = Watches() } }

  private func pass<Result>(
    _ kind: Kind, _ table: TableName?, _ body: () async throws(PostgRESTError) -> Result
  ) async throws(PostgRESTError) -> Result {
    try await ask(watches.withLock { $0.before }, kind, table)
    let result: Result
    do throws(PostgRESTError) {
      result = try await body()
    } catch {
      try await ask(watches.withLock { $0.after }, kind, table)
      throw error
    }
    try await ask(watches.withLock { $0.after }, kind, table)
    return result
  }

  private func ask(
    _ watch: Watch, _ kind: Kind, _ table: TableName?
  ) async throws(PostgRESTError) {
    do {
      try await watch(kind, table)
    } catch {
      throw await project.failure(.cancelled)
    }
  }

  func catalogue(of schema: String) async throws(PostgRESTError) -> Catalogue {
    try await pass(.catalogue, nil) { () async throws(PostgRESTError) in
      try await project.catalogue(of: schema)
    }
  }
  func read(_ query: ReadQuery) async throws(PostgRESTError) -> Page {
    try await pass(.read, query.table) { () async throws(PostgRESTError) in
      try await project.read(query)
    }
  }
  func page(_ query: ReadQuery, lastOf columns: [String]) async throws(PostgRESTError) -> RawPage {
    try await pass(.read, query.table) { () async throws(PostgRESTError) in
      try await project.page(query, lastOf: columns)
    }
  }
  func estimatedCount(of table: TableName) async throws(PostgRESTError) -> Int? {
    try await pass(.count, table) { () async throws(PostgRESTError) in
      try await project.estimatedCount(of: table)
    }
  }
  func rows(
    of table: TableName, keys: [RowKey], keyColumns: [String], columns: [String], atMost: Int
  ) async throws(PostgRESTError) -> [Page] {
    try await pass(.rows, table) { () async throws(PostgRESTError) in
      try await project.rows(
        of: table, keys: keys, keyColumns: keyColumns, columns: columns, atMost: atMost)
    }
  }
  func insert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int? {
    try await pass(.insert, table) { () async throws(PostgRESTError) in
      try await project.insert(rows, into: table, keyColumns: keyColumns, columns: columns)
    }
  }
  func upsert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int? {
    try await pass(.upsert, table) { () async throws(PostgRESTError) in
      try await project.upsert(rows, into: table, keyColumns: keyColumns, columns: columns)
    }
  }
  func upsertReturningKeys(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> [RowKey] {
    try await pass(.upsertReturningKeys, table) { () async throws(PostgRESTError) in
      try await project.upsertReturningKeys(
        rows, into: table, keyColumns: keyColumns, columns: columns)
    }
  }
  func delete(
    _ keys: [RowKey], from table: TableName, keyColumns: [String]
  ) async throws(PostgRESTError) -> Int {
    try await pass(.delete, table) { () async throws(PostgRESTError) in
      try await project.delete(keys, from: table, keyColumns: keyColumns)
    }
  }
  func count(of table: TableName, filters: [Filter]) async throws(PostgRESTError) -> Int {
    try await pass(.count, table) { () async throws(PostgRESTError) in
      try await project.count(of: table, filters: filters)
    }
  }
  func rpc(
    _ function: String, schema: String, arguments: [UInt8]
  ) async throws(PostgRESTError) -> [UInt8] {
    try await pass(.rpc, nil) { () async throws(PostgRESTError) in
      try await project.rpc(function, schema: schema, arguments: arguments)
    }
  }
}
