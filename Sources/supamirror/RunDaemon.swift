import Glibc
import Mirror
import Supabase
import Transport

/// Puts a mirror together and runs it until a signal ends it.
///
/// - Throws: where nothing could be begun, with the sentence for the operator.
func runDaemon(
  _ configuration: Configuration, _ variables: [String: String], console: Console
) async throws -> ExitCode {
  var current = try configuration.mirror()
  let lock = try FileLock(current.settings.statePath)
  defer { withExtendedLifetime(lock) {} }
  try refusePromoted(current.settings.statePath)
  let signals = ProcessSignals()
  var run = try DaemonRun(current, variables, console)
  while case .changed(let next) = await run.run(signals, configuration) {
    do {
      run = try DaemonRun(next, variables, console)
      current = next
    } catch {
      console.log.error("configuration not taken up", ["reason": "\(error)"])
      run = try DaemonRun(current, variables, console)
    }
  }
  return .clean
}

/// One daemon with one set of settings.
private struct DaemonRun {
  enum End {
    case ended
    /// `SIGHUP` found other settings; a daemon with these is to go on.
    case changed(Chosen)
  }

  typealias Chosen = (settings: Settings, tables: [TableConfiguration])

  private let settings: Settings
  private let daemon: Daemon
  private let watch: ServiceWatch
  private let console: Console
  private let transports: [HTTPClient]
  private let verify: DaemonVerify
  private let server: StatusServer?

  init(
    _ chosen: Chosen, _ variables: [String: String], _ console: Console
  ) throws {
    let (settings, tables) = chosen
    self.settings = settings
    self.console = console
    let identity = MirrorIdentity(settings)
    let store = try StateStore(StateFile(path: settings.statePath), identity: identity)
    let connection = Connection(settings, origin: identity.name)
    let log = console.log
    func watched(_ project: Project) -> (HTTPClient, WatchedTransport) {
      let client = connection.transport
      return (
        client,
        WatchedTransport(
          client, role: project.role, url: project.url.description, log: log)
      )
    }
    let (sourceClient, source) = watched(settings.source)
    let (targetClient, target) = watched(settings.target)
    transports = [sourceClient, targetClient]
    let feed: RealtimeClient? =
      settings.realtime ? connection.feed(settings.source, log: log) : nil
    let verify = DaemonVerify(settings, connection, store, identity, log: log)
    self.verify = verify
    let daemon = Daemon(
      settings: settings, tables: tables,
      Daemon.Surroundings(
        source: connection.project(settings.source, over: connection.paced(source)),
        target: connection.project(settings.target, over: connection.paced(target)), feed: feed,
        store: store, log: log, now: { WallClock.system.now() + TimeText.unixEpoch },
        probes: (
          connection.probe(settings.source, over: source),
          connection.probe(settings.target, over: target)
        ),
        forFeed: (
          connection.project(settings.source, over: source),
          connection.project(settings.target, over: target)
        ),
        projects: { (source.status, target.status) },
        progress: { console.progress($0) },
        takeApproval: { Self.takeApproval(settings.statePath, log) },
        verified: { await verify.background?.results ?? [:] }))
    self.daemon = daemon
    watch = ServiceWatch(
      notifier: ServiceNotifier(environment: variables), transports: [source, target],
      status: { await daemon.status() }, log: log)
    let watch = watch
    server = try settings.statusPort.map {
      try StatusServer.start(
        port: $0, status: { await daemon.status() }, isAlive: { watch.isProgressing })
    }
    if let server { log.info("status is served", ["url": server.url]) }
    log.info(
      "mirror begins",
      [
        "mirror": identity.name, "source": settings.source.url.description,
        "target": settings.target.url.description, "tables": "\(tables.count)",
      ])
  }

  private static func takeApproval(_ statePath: String, _ log: Log) -> DeleteApproval {
    let file = SnapshotFile(Approvals.path(statePath: statePath))
    let bytes: [UInt8]
    do {
      guard let found = try file.read() else { return .none }
      bytes = found
      // Before it is used: one that stayed would approve what is not known yet.
      try file.remove()
    } catch {
      log.error("approved deletes not taken up", ["reason": "\(error)"])
      return .none
    }
    let approval = Approvals.read(bytes)
    if approval == .none {
      log.error("approved deletes not taken up", ["reason": "\(file.path) cannot be understood"])
    } else {
      log.info("this pass applies approved deletes")
    }
    return approval
  }

  /// Until a signal ends it, or asks for other settings.
  func run(_ signals: ProcessSignals, _ configuration: Configuration) async -> End {
    let work = Task { await daemon.run() }
    signals.watch(work)
    let watching = Task { await watch.run() }
    let writer = StatusFileWriter(
      statePath: settings.statePath, status: { await daemon.status() }, log: console.log)
    let writing = Task { await writer.run() }
    let verifying = Task { await verify.run(beside: daemon) }
    var end = End.ended
    var isStopping = false
    events: for await event in signals.events {
      switch event {
      case .ended: break events
      case .status: console.show(await daemon.status())
      case .reload where isStopping: break
      case .reload:
        if let problem = watch.notifier.notifyReloading() {
          console.log.warning("service manager not told", ["reason": "\(problem)"])
        }
        if let changed = await reload(configuration) {
          end = changed
          isStopping = true
          Task { await daemon.stop() }
        }
        watch.tell("READY=1")
      case .stop(let name):
        // What is durable is so at every instant.
        if isStopping { exit(ExitCode.incomplete.rawValue) }
        isStopping = true
        watch.tell("STOPPING=1")
        console.log.info(
          "ending; nothing is lost, and another signal ends it at once", ["signal": name])
        Task { await daemon.stop() }
      }
    }
    for task in [verifying, watching, writing] {
      task.cancel()
      await task.value
    }
    await server?.stop()
    for transport in transports { await transport.close() }
    return end
  }

  /// Takes up tables that changed. What cannot be read changes nothing.
  /// - Returns: what is to be done where more than the tables changed.
  private func reload(_ configuration: Configuration) async -> End? {
    do {
      let (settings, tables) = try configuration.mirror()
      guard MirrorIdentity(settings) == MirrorIdentity(self.settings),
        settings.statePath == self.settings.statePath
      else {
        console.log.error(
          "configuration not taken up",
          ["reason": "it names other projects, mirror or state file; that needs a restart"])
        return nil
      }
      console.log.info("configuration read again", ["tables": "\(tables.count)"])
      guard settings == self.settings else { return .changed((settings, tables)) }
      await daemon.reload(tables)
    } catch {
      for problem in error.problems {
        console.log.error("configuration not taken up", ["reason": problem])
      }
    }
    return nil
  }
}
