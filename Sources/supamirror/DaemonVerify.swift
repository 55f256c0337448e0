import Mirror
import Supabase
import Transport

/// The daemon's own comparisons: over connections of their own, so that they neither wait for passes nor are waited for.
final class DaemonVerify: Sendable {
  /// nil: `SYNC_VERIFY_FULL_EVERY=0`.
  let background: BackgroundVerify?
  private let transports: [HTTPClient]
  private let daemon = Locked<Daemon?>(nil)

  init(
    _ settings: Settings, _ connection: Connection, _ store: StateStore, _ identity: MirrorIdentity,
    log: Log
  ) {
    guard let every = settings.verifyInterval else {
      background = nil
      transports = []
      return
    }
    let (source, target) = (connection.transport, connection.transport)
    transports = [source, target]
    let daemon = daemon
    var surroundings = Verification.Surroundings(
      source: connection.project(settings.source, over: source),
      target: connection.project(settings.target, over: target),
      store: VerifyStore(
        StateFile(path: BackgroundVerify.path(statePath: settings.statePath)),
        identity: identity, log: log),
      mirror: identity.name, log: log,
      now: { WallClock.system.now() + TimeText.unixEpoch },
      state: { await store.state(of: $0) },
      activity: { table in
        guard let daemon = daemon.withLock({ $0 }) else { return .none }
        return MirrorActivity(await daemon.status(), table)
      })
    surroundings.batchSize = settings.batchSize
    let results = CommandResults(settings.statePath, identity)
    background = BackgroundVerify(
      every: every, surroundings,
      tables: { await daemon.withLock { $0 }?.configuredTables ?? [] }, others: { results.get() })
  }

  /// Until the task is cancelled.
  func run(beside daemon: Daemon) async {
    self.daemon.withLock { $0 = daemon }
    await background?.run()
    self.daemon.withLock { $0 = nil }
    for transport in transports { await transport.close() }
  }
}

/// What `supamirror verify` found last, looked for twice a minute at most.
private final class CommandResults: Sendable {
  private let path: String
  private let identity: MirrorIdentity
  private let cached = Locked<
    (tables: [TableName: TableVerification], time: ContinuousClock.Instant)?
  >(
    nil)

  init(_ statePath: String, _ identity: MirrorIdentity) {
    path = VerifyStore.path(statePath: statePath)
    self.identity = identity
  }

  func get() -> [TableName: TableVerification] {
    let now = ContinuousClock.now
    if let known = cached.withLock({ $0 }), now - known.time < .seconds(30) { return known.tables }
    let bytes = (try? DurableFile(path).read()) ?? nil
    let tables = bytes.flatMap { VerifyText.read($0, identity) }?.compactMapValues(\.result) ?? [:]
    cached.withLock { $0 = (tables, now) }
    return tables
  }
}
