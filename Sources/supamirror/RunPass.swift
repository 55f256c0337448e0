import Glibc
import Mirror
import Supabase
import Transport

/// Puts one pass together, runs it, shows what it did.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runPass(
  settings: Settings, tables: [TableConfiguration], arguments: Arguments, console: Console
) async throws -> ExitCode {
  let identity = MirrorIdentity(settings)
  let file = StateFile(path: settings.statePath)
  let lock: FileLock
  do {
    lock = try FileLock(settings.statePath)
  } catch {
    guard error.isLocked, !arguments.approvedDeletes.isEmpty else { throw error }
    return try leaveApproval(
      try arguments.approval(of: tables), settings.statePath, to: error.holder, console)
  }
  defer { withExtendedLifetime(lock) {} }
  try refusePromoted(settings.statePath)
  let store = try StateStore(file, identity: identity)

  let connection = Connection(settings, origin: identity.name)
  let pass = Pass(
    settings: settings, tables: tables, source: connection.project(settings.source),
    target: connection.project(settings.target), store: store,
    approval: try arguments.approval(of: tables), log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch },
    progress: { console.progress($0) })
  return await carryOut(pass, console)
}

/// Runs a pass to its end, or until a signal ends it, shows how far it is and what it did.
func carryOut(_ pass: Pass, _ console: Console) async -> ExitCode {
  console.log.info(
    "pass begins",
    [
      "mirror": await pass.store.identity.name, "source": pass.settings.source.url.description,
      "target": pass.settings.target.url.description, "tables": "\(pass.tables.count)",
    ])
  let work = Task { await pass.run() }
  let signals = Interruption(of: work, log: console.log)
  defer { withExtendedLifetime(signals) {} }
  // What stands still is to be seen as well.
  let ticking = Task {
    while (try? await Task.sleep(for: .seconds(1))) != nil { console.tick() }
  }
  let report = await work.value
  ticking.cancel()
  await ticking.value
  console.show(report)
  return report.exitCode
}

/// A daemon runs: it is the one to apply what was approved.
private func leaveApproval(
  _ approval: DeleteApproval, _ statePath: String, to process: Int32?, _ console: Console
) throws(FileError) -> ExitCode {
  try SnapshotFile(Approvals.path(statePath: statePath)).replace(with: Approvals.bytes(approval))
  // Else its next regular pass takes it.
  if let process { _ = kill(process, SIGHUP) }
  console.log.info(
    "the running daemon applies the approved deletes in its next pass",
    ["process": process.map { "\($0)" } ?? "unknown"])
  return .clean
}

extension MirrorIdentity {
  init(_ settings: Settings) {
    let urls = (source: settings.source.url, target: settings.target.url)
    let digest = SHA256.hash(MirrorIdentity.digestText(source: urls.source, target: urls.target))
    self.init(
      source: urls.source, target: urls.target, digest: digest, name: settings.mirrorName)
  }
}
