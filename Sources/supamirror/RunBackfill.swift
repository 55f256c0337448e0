import Mirror
import Supabase
import Transport

/// `supamirror backfill`: copies whole tables in a pass, or says what that would read.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runBackfill(
  settings: Settings, tables: [TableConfiguration], arguments: Arguments, console: Console
) async throws -> ExitCode {
  let scope = try arguments.backfillScope(of: tables)
  let identity = MirrorIdentity(settings)
  let file = StateFile(path: settings.statePath)
  let connection = Connection(settings, origin: identity.name)
  if arguments.isDryRun {
    let forecast = await BackfillForecast.take(
      scope, of: tables, try StateStore(file, identity: identity),
      source: connection.project(settings.source), target: connection.project(settings.target),
      batchSize: settings.batchSize, onDrift: settings.onDrift)
    console.show(forecast)
    return forecast.exitCode
  }
  let lock = try lockForBackfill(settings.statePath)
  defer { withExtendedLifetime(lock) {} }
  try refusePromoted(settings.statePath)
  let store = try StateStore(file, identity: identity)
  await expect(
    scope, tables, store, console,
    source: connection.probe(settings.source, over: connection.transport))
  let pass = Pass(
    settings: settings, tables: tables, source: connection.project(settings.source),
    target: connection.project(settings.target), store: store, backfill: scope, log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch }, progress: { console.progress($0) })
  return await carryOut(pass, console)
}

/// Tells how much there will be, so that the first table's end is not taken for the end of all.
private func expect(
  _ scope: BackfillScope, _ tables: [TableConfiguration], _ store: StateStore, _ console: Console,
  source: PostgREST
) async {
  var answers = true
  for table in tables where table.reconcile {
    let state = await store.state(of: table.name)
    guard scope.includes(table.name, state) else { continue }
    var estimate = state?.backfill?.estimate
    if estimate == nil, answers {
      do {
        estimate = try await source.estimatedCount(of: table.name)
      } catch {
        // The pass tries again, and says so.
        answers = !error.concernsWholeProject
        if answers { continue }
      }
    }
    console.expect(table.name, rows: state?.backfill?.rows ?? 0, estimate: estimate)
  }
}

/// A daemon or a pass that runs has to end first: two would write the same rows.
private func lockForBackfill(_ statePath: String) throws -> FileLock {
  do {
    return try FileLock(statePath)
  } catch {
    guard error.isLocked else { throw error }
    let process = error.holder.map { "process \($0)" } ?? "another process"
    throw ConfigurationError([
      "\(process) mirrors with the state \(statePath); stop it (systemctl stop supamirror, where that is "
        + "the daemon), run supamirror backfill again, then start it again"
    ])
  }
}
