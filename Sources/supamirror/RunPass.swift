import Mirror
import Supabase
import Transport

/// Puts one pass together, runs it, shows what it did.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runPass(
  settings: Settings, tables: [TableConfiguration], arguments: Arguments, console: Console
) async throws -> ExitCode {
  let urls = (source: settings.source.url, target: settings.target.url)
  let identity = MirrorIdentity(settings)
  let file = StateFile(path: settings.statePath)
  let lock = try FileLock(settings.statePath)
  defer { withExtendedLifetime(lock) {} }
  let store = try StateStore(file, identity: identity)

  let connection = Connection(settings, origin: identity.name)
  let pass = Pass(
    settings: settings, tables: tables, source: connection.project(settings.source),
    target: connection.project(settings.target), store: store,
    approval: try arguments.approval(of: tables), log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch },
    progress: { console.progress($0, $1) })
  console.log.info(
    "pass begins",
    [
      "mirror": identity.name, "source": urls.source.description,
      "target": urls.target.description, "tables": "\(tables.count)",
    ])
  let work = Task { await pass.run() }
  let signals = Interruption(of: work, log: console.log)
  defer { withExtendedLifetime(signals) {} }
  let report = await work.value
  console.show(report)
  return report.exitCode
}

extension MirrorIdentity {
  init(_ settings: Settings) {
    let urls = (source: settings.source.url, target: settings.target.url)
    let digest = SHA256.hash(MirrorIdentity.digestText(source: urls.source, target: urls.target))
    self.init(
      source: urls.source, target: urls.target, digest: digest, name: settings.mirrorName)
  }
}
