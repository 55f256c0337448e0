import Mirror
import Transport

/// Tells the service manager how the daemon is, and feeds its watchdog only while work really goes on: while the
/// daemon answers, and no request has been without an answer for too long.
struct ServiceWatch: Sendable {
  let notifier: ServiceNotifier
  let transports: [WatchedTransport]
  let status: @Sendable () async -> MirrorStatus
  let log: Log

  /// A request may take its whole time limit, and then be tried again.
  var stallLimit: Duration { notifier.watchdogInterval.map { $0 / 2 } ?? .seconds(150) }

  /// Whether something came of what was sent lately.
  var isProgressing: Bool { transports.allSatisfy { $0.silence < stallLimit } }

  /// Until the task is cancelled.
  @concurrent func run() async {
    guard notifier.isHeard else { return }
    tell("READY=1")
    let pause = min(notifier.watchdogInterval.map { $0 / 4 } ?? .seconds(30), .seconds(30))
    var isStalled = false
    while !Task.isCancelled {
      let now = await status()
      if isProgressing {
        isStalled = false
        tell("WATCHDOG=1\n" + ServiceNotifier.status(Verdict(now).headline))
      } else if !isStalled {
        isStalled = true
        log.error(
          "nothing has come of any request for too long; the watchdog is not fed any more",
          ["seconds": "\(transports.map(\.silence).max()?.components.seconds ?? 0)"])
      }
      try? await Task.sleep(for: pause)
    }
  }

  func tell(_ assignments: String) {
    if let problem = notifier.notify(assignments) {
      log.warning("service manager not told", ["reason": "\(problem)"])
    }
  }
}
