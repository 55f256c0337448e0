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
  let digest = SHA256.hash(MirrorIdentity.digestText(source: urls.source, target: urls.target))
  let identity = MirrorIdentity(
    source: urls.source, target: urls.target, digest: digest,
    name: settings.mirrorName)
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

/// A client a project, so that a slow one takes no connection from the other.
private struct Connection {
  private let configuration: HTTPClient.Configuration
  private let limits: RequestLimits
  private let origin: String

  init(_ settings: Settings, origin: String) {
    var configuration = HTTPClient.Configuration()
    configuration.caFile = settings.caFile
    configuration.userAgent = "supamirror/\(Version.current)"
    configuration.stallLimit = max(configuration.stallLimit, settings.requestTime)
    var limits = RequestLimits()
    limits.requestTime = settings.requestTime
    limits.retryTime = settings.retryTime
    self.configuration = configuration
    self.limits = limits
    self.origin = origin
  }

  func project(_ project: Project) -> PostgREST {
    PostgREST(
      project: project, origin: origin, transport: HTTPClient(configuration), limits: limits)
  }
}
