import Glibc
import Mirror
import Supabase
import Transport

/// `supamirror recover`: repairs the target by a plan, shows each phase as it ends.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runRecover(
  _ configuration: Configuration, _ arguments: Arguments, console: Console
) async throws -> ExitCode {
  var (settings, tables) = try configuration.mirror()
  let isOwnSource = arguments.recovery.source == nil
  let ownState = MirrorIdentity(settings)
  if let prefix = arguments.recovery.source {
    settings.source = try configuration.project(prefix: prefix, other: settings.target)
  }
  let identity = MirrorIdentity(settings)
  let options = arguments.recovery.options
  try refusePromoted(settings.statePath)
  // Reading alone needs nothing for itself; so one can look while a daemon runs.
  let lock: FileLock?
  var isBesideMirror = false
  if options.extent == .repair {
    lock = try lockState(settings.statePath, for: "recover")
  } else {
    lock = nil
    if case .held = try FileLock.state(of: settings.statePath) { isBesideMirror = true }
  }
  defer { withExtendedLifetime(lock) {} }
  let saved = try arguments.recovery.appliedPath.map(readPlan)
  let connection = Connection(settings, origin: ownState.name)
  let known = isOwnSource ? try KnownState(path: settings.statePath, identity: ownState) : nil
  var comparing = Verification.Surroundings(
    source: connection.project(settings.source), target: connection.project(settings.target),
    store: VerifyStore(), mirror: ownState.name, log: console.log,
    now: { WallClock.system.now() + TimeText.unixEpoch },
    state: { known?.state(of: $0) })
  comparing.batchSize = settings.batchSize
  comparing.width = settings.maxRequests > 1 ? 2 : 1
  let isJSON = arguments.wantsJSON || arguments.logFormat == .json
  let isSilent = isJSON || arguments.recovery.isQuiet
  let isVerbose = arguments.recovery.isVerbose
  let planPath = arguments.recovery.planPath
  let run = RecoverRun(
    settings: settings, tables: try arguments.recovered(of: tables), of: tables,
    store: try StateStore(StateFile(path: settings.statePath), identity: ownState),
    pair: identity.epoch, options: options, saved: saved, comparing: comparing,
    isBesideMirror: isBesideMirror, log: console.log, approve: { ask($0, console) },
    progress: { phase, table, rows in
      console.verifyProgress(table, rows, nil, isRepair: phase == .repair)
    },
    told: { phase, report throws(ConfigurationError) in
      if phase == .plan, let plan = report.plan, let planPath { try keep(plan, planPath) }
      if !isSilent { console.show(RecoverText.phase(phase, report, isVerbose: isVerbose)) }
    })
  console.log.info(
    "recovering",
    [
      "source": settings.source.url.description, "target": settings.target.url.description,
      "tables": "\(run.tableCount)",
    ])
  let work = Task { await run.run() }
  let signals = Interruption(of: work, log: console.log)
  defer { withExtendedLifetime(signals) {} }
  let report = await work.value
  console.show(isJSON ? report.json + "\n" : RecoverText.verdict(report))
  if let planPath, report.plan != nil, !isSilent {
    console.show(
      "The plan is kept in \(planPath) (it names rows by their keys; only this user may read it). To carry "
        + "it out: supamirror recover --apply \(planPath)\n")
  }
  return report.exitCode
}

private func readPlan(_ path: String) throws -> RecoveryPlan {
  guard let bytes = try DurableFile(path).read() else {
    throw ConfigurationError(["\(path): there is no such plan"])
  }
  return try RecoveryPlanText.read(bytes, path: path)
}

/// Keys are data: only the user may read them.
private func keep(_ plan: RecoveryPlan, _ path: String) throws(ConfigurationError) {
  do {
    try DurableFile(path).replace(with: RecoveryPlanText.write(plan), isPrivate: true)
  } catch {
    throw ConfigurationError(["the plan was not kept: \(error)"])
  }
}

/// Nobody can say yes where there is no terminal.
private func ask(_ question: String, _ console: Console) -> Bool {
  guard isatty(STDIN_FILENO) == 1, StandardStream.error.isTerminal else { return false }
  StandardStream.error.write("\(LogLine.printable(question)). Type yes to go on: ")
  return readLine() == "yes"
}
