import Dispatch
import Glibc

/// What a running mirror answers to, as it comes: signals, for as long as this value lives, and its own end.
final class ProcessSignals {
  enum Event: Sendable {
    /// SIGINT, SIGTERM.
    case stop(String)
    /// SIGHUP.
    case reload
    /// SIGUSR1.
    case status
    case ended
  }

  let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation
  private let sources: [any DispatchSourceSignal]

  init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Event.self)
    events = stream
    self.continuation = continuation
    let answered: [(Int32, Event)] = [
      (SIGINT, .stop("SIGINT")), (SIGTERM, .stop("SIGTERM")), (SIGHUP, .reload), (SIGUSR1, .status),
    ]
    sources = answered.map { number, event in
      // Else the signal's own action would come first.
      _ = signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(event) }
      source.activate()
      return source
    }
  }

  /// Says `ended` once the task has ended.
  func watch(_ task: Task<Void, Never>) {
    Task { [continuation] in
      await task.value
      continuation.yield(.ended)
    }
  }

  deinit { for source in sources { source.cancel() } }
}
