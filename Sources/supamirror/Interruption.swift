import Dispatch
import Glibc
import Mirror

/// Lets SIGINT and SIGTERM end a task in order, for as long as this value lives. A second signal ends the process at
/// once, which loses nothing either: what is durable is so at every instant.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  init<Report: Sendable>(of work: Task<Report, Never>, log: Log) {
    sources = [SIGINT, SIGTERM].map { number in
      // Else the signal's own action would come first.
      _ = signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if work.isCancelled { exit(ExitCode.incomplete.rawValue) }
        log.warning(
          "interrupted, ending in order; nothing is lost, and another signal ends it at once",
          ["signal": number == SIGINT ? "SIGINT" : "SIGTERM"])
        work.cancel()
      }
      source.activate()
      return source
    }
  }

  deinit { for source in sources { source.cancel() } }
}
