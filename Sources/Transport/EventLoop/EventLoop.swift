import Glibc

/// A C library's event loop, as `EventLoop` drives it.
package protocol EventSource: Sendable {
  /// Waits at most `timeout` milliseconds for events and dispatches them; called only on the loop's thread.
  func poll(timeout: Int32)

  /// Makes a `poll` in progress, or the next one, return at once; called from any thread.
  func wakeUp()

  /// The last thing the loop's thread does: whatever still waits for an event must be failed now.
  func end()
}

extension EventSource {
  package func end() {}
}

/// A serial executor whose one thread also polls a C library.
///
/// An actor that names it as its executor may be called synchronously from the library's callbacks with
/// `assumeIsolated`, because callbacks run from `poll` on the same thread.
package final class EventLoop<Source: EventSource>: SerialExecutor {
  package let source: Source
  private let queue = Locked(Queue())
  private let thread = Locked<pthread_t?>(nil)

  private struct Queue {
    var jobs: [UnownedJob] = []
    var isStopped = false
  }

  package init(_ source: Source) {
    self.source = source
    startThread { self.run() }
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // A queue that holds jobs already has a wake-up on its way.
    let wasEmpty = queue.withLock { queue in
      queue.jobs.append(job)
      return queue.jobs.count == 1
    }
    if wasEmpty { source.wakeUp() }
  }

  /// Ends the thread once the jobs that are queued now have run, then `EventSource.end`. Jobs enqueued later
  /// never run.
  package func stop() {
    queue.withLock { $0.isStopped = true }
    source.wakeUp()
  }

  package func checkIsolated() {
    precondition(isIsolatingCurrentContext() == true, "off the event loop's thread")
  }

  package func isIsolatingCurrentContext() -> Bool? {
    thread.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  private func run() {
    thread.withLock { $0 = pthread_self() }
    blockBrokenPipeSignal()
    while true {
      let (jobs, isStopped) = queue.withLock { queue in
        defer { queue.jobs = [] }
        return (queue.jobs, queue.isStopped)
      }
      if isStopped && jobs.isEmpty { return source.end() }
      for job in jobs {
        unsafe job.runSynchronously(on: asUnownedSerialExecutor())
      }
      source.poll(timeout: queue.withLock { $0.jobs.isEmpty && !$0.isStopped } ? 1_000 : 0)
    }
  }
}

/// TLS libraries write to sockets without MSG_NOSIGNAL; a closed connection must not end the process.
func blockBrokenPipeSignal() {
  var signals = sigset_t()
  unsafe sigemptyset(&signals)
  unsafe sigaddset(&signals, SIGPIPE)
  unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}

/// Starts a detached thread that runs `body`.
package func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let context = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
  let code = unsafe pthread_create(
    &thread, nil,
    { context in
      guard let context = unsafe context else { return nil }
      unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
      return nil
    }, context)
  precondition(code == 0, "pthread_create: \(code)")
  pthread_detach(thread)
}
