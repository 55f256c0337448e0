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
  let lock = try lockState(settings.statePath, for: "backfill")
  defer { withExtendedLifetime(lock) {} }
  try refusePromoted(settings.statePath)
  let store = try StateStore(file, identity: identity)
  let probe = connection.probe(settings.source, over: connection.transport)
  let expected = await expectations(scope, tables, store)
  // The copy need not wait for it, nor it for the copy's end.
  async let _: Void = expect(expected, console, source: probe)
  let pass = Pass(
    settings: settings, tables: tables, source: connection.project(settings.source),
    target: connection.project(settings.target), store: store, backfill: scope, log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch }, progress: { console.progress($0) })
  return await carryOut(pass, console)
}

private struct Expectation {
  let table: TableName
  var copied = 0
  var estimate: Int?
}

private func expectations(
  _ scope: BackfillScope, _ tables: [TableConfiguration], _ store: StateStore
) async -> [Expectation] {
  var expectations: [Expectation] = []
  for table in tables where table.reconcile {
    let state = await store.state(of: table.name)
    guard scope.includes(table.name, state) else { continue }
    expectations.append(
      Expectation(
        table: table.name, copied: state?.backfill?.rows ?? 0, estimate: state?.backfill?.estimate))
  }
  return expectations
}

/// Tells how much there will be, so that the first table's end is not taken for the end of all.
private func expect(
  _ expectations: [Expectation], _ console: Console, source: PostgREST
) async {
  var answers = true
  for var expected in expectations {
    if expected.estimate == nil, answers {
      do {
        expected.estimate = try await source.estimatedCount(of: expected.table)
      } catch {
        // The pass says so.
        answers = !error.concernsWholeProject
        if answers { continue }
      }
    }
    console.expect(expected.table, rows: expected.copied, estimate: expected.estimate)
  }
}
