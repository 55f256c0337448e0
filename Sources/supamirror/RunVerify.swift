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
