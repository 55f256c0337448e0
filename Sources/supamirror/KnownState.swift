import Mirror
import Supabase
import Transport

/// What the mirror's state file says, read again every two seconds at most: a daemon may be changing it.
final class KnownState: Sendable {
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
func mirrorActivity(statePath: String, _ table: TableName) -> MirrorActivity {
  guard case .held = try? FileLock.state(of: statePath) else { return .none }
  let now = WallClock.system.now() + TimeText.unixEpoch
  guard let bytes = try? SnapshotFile(StatusFile.path(statePath: statePath)).read(),
    let status = try? StatusJSON.read(bytes),
    now - status.takenAt < Int64(StatusFile.ageLimit / .microseconds(1))
  else { return MirrorActivity(isRunning: true, lastPassBegan: nil) }
  return MirrorActivity(status, table)
}
