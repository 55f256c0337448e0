import Mirror
import Supabase
import Transport

/// `supamirror verify`: compares both projects, shows what it found. It reads the mirror's state and never locks it.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runVerify(
  settings: Settings, tables: [TableConfiguration], arguments: Arguments, console: Console
) async throws -> ExitCode {
  let identity = MirrorIdentity(settings)
  let known = try KnownState(path: settings.statePath, identity: identity)
  let path = VerifyStore.path(statePath: settings.statePath)
  let lock = try FileLock(path)
  defer { withExtendedLifetime(lock) {} }
  let connection = Connection(settings, origin: identity.name)
  var surroundings = Verification.Surroundings(
    source: connection.project(settings.source), target: connection.project(settings.target),
    store: VerifyStore(StateFile(path: path), identity: identity, log: console.log),
    mirror: identity.name, log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch },
    state: { known.state(of: $0) },
    activity: { mirrorActivity(statePath: settings.statePath, $0) },
    progress: { console.verifyProgress($0, $1, $2) })
  surroundings.batchSize = settings.batchSize
  surroundings.wantsTotals = console.showsBars
  let verification = Verification(tables: tables, surroundings)
  console.log.info(
    "verifying",
    [
      "mirror": identity.name, "source": settings.source.url.description,
      "target": settings.target.url.description, "tables": "\(tables.count)",
    ])
  let work = Task { await verification.run() }
  let signals = Interruption(of: work, log: console.log)
  defer { withExtendedLifetime(signals) {} }
  let report = await work.value
  try console.show(report, arguments)
  return report.exitCode
}

/// What the mirror's state file says, read again every two seconds at most: a daemon may be changing it.
private final class KnownState: Sendable {
  private let file: DurableFile
  private let identity: MirrorIdentity
  private let cached: Locked<Reading>

  private struct Reading {
    var tables: [TableName: TableState]
    var time: ContinuousClock.Instant
  }

  /// - Throws: where there is a state and it is another pair's, or damaged.
  init(path: String, identity: MirrorIdentity) throws {
    file = DurableFile(path)
    self.identity = identity
    let tables = try file.read().map { try StateText.read($0, identity, path: path) }
    cached = Locked(Reading(tables: tables ?? [:], time: .now))
  }

  func state(of table: TableName) -> TableState? {
    let now = ContinuousClock.now
    let known = cached.withLock { $0 }
    guard now - known.time > .seconds(2) else { return known.tables[table] }
    var tables = known.tables
    if let bytes = try? file.read(),
      let read = try? StateText.read(bytes, identity, path: file.path)
    {
      tables = read
    }
    cached.withLock { $0 = Reading(tables: tables, time: now) }
    return tables[table]
  }
}

/// What the process that holds the state is doing, as far as its status tells.
private func mirrorActivity(statePath: String, _ table: TableName) -> MirrorActivity {
  guard case .held = try? FileLock.state(of: statePath) else { return .none }
  let now = WallClock.system.now() + TimeText.unixEpoch
  guard let bytes = try? SnapshotFile(StatusFile.path(statePath: statePath)).read(),
    let status = try? StatusJSON.read(bytes),
    now - status.takenAt < Int64(StatusFile.ageLimit / .microseconds(1))
  else { return MirrorActivity(isRunning: true, lastPassBegan: nil) }
  return MirrorActivity(status, table)
}
