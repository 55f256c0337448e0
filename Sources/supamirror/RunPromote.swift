import Mirror
import Supabase
import Transport

/// Puts a promotion together, runs it, shows each phase as it ends.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runPromote(
  _ configuration: Configuration, _ arguments: Arguments, console: Console
) async throws -> ExitCode {
  let (settings, tables) = try configuration.mirror()
  var options = arguments.promotion
  options.isDryRun = arguments.isDryRun
  var circumstances = Promotion.Circumstances()
  circumstances.environmentPath = configuration.environmentPath
  // A dry run leaves no trace, not even a lock; so it can look while a daemon runs.
  let lock: FileLock?
  if options.isDryRun {
    lock = nil
    if case .held(let process) = try FileLock.state(of: settings.statePath) {
      circumstances.holder = holder(process)
    }
  } else {
    do {
      lock = try FileLock(settings.statePath)
    } catch {
      guard error.isLocked else { throw error }
      lock = nil
      circumstances.holder = holder(error.holder)
    }
  }
  defer { withExtendedLifetime(lock) {} }
  let identity = MirrorIdentity(settings)
  let file = StateFile(path: settings.statePath)
  circumstances.hasState = try file.load() != nil
  // What it cannot tell any more is only told less exactly.
  if let bytes = try? SnapshotFile(StatusFile.path(statePath: settings.statePath)).read() {
    circumstances.status = try? StatusJSON.read(bytes)
  }
  let connection = Connection(settings, origin: identity.name)
  let isJSON = arguments.wantsJSON || arguments.logFormat == .json
  let promotion = Promotion(
    settings: settings, tables: tables, source: connection.project(settings.source),
    target: connection.project(settings.target), store: try StateStore(file, identity: identity),
    options: options, circumstances: circumstances, log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch },
    progress: { console.progress($0) },
    told: { phase, report in
      if !isJSON { console.show(PromotionText.phase(phase, report)) }
    })
  let work = Task { await promotion.run() }
  let signals = Interruption(of: work, log: console.log)
  defer { withExtendedLifetime(signals) {} }
  let report = await work.value
  if report.isPromoted, !options.isDryRun { keepStill(settings.statePath, console.log) }
  console.show(isJSON ? report.json + "\n" : "\n" + PromotionText.verdict(report))
  return report.exitCode
}

private func holder(_ process: Int32?) -> String { process.map { "process \($0)" } ?? "a process" }

/// From now on the mirror does not start any more.
private func keepStill(_ statePath: String, _ log: Log) {
  let path = Promoted.path(statePath: statePath)
  do {
    try DurableFile(path).replace(
      with: Promoted.bytes(at: WallClock.system.now() + TimeText.unixEpoch))
  } catch {
    log.warning("the mirror could be started again by mistake", ["reason": "\(error)"])
  }
}

/// - Throws: the sentence for who starts the mirror of a target that has taken over.
func refusePromoted(_ statePath: String) throws {
  let path = Promoted.path(statePath: statePath)
  guard let bytes = try DurableFile(path).read() else { return }
  throw ConfigurationError([Promoted.refusal(bytes, path: path)])
}
