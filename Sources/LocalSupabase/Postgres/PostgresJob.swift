import Glibc
import Transport

/// One use of a pool's connection, from the task that waits for it to the thread that runs it. Whatever
/// happens, the task is answered exactly once.
final class PostgresJob: Sendable {
  /// Does the work and hands back how to tell; the argument is whether the task was cancelled meanwhile.
  typealias Run = @Sendable (PostgresConnection) -> @Sendable (_ wasCancelled: Bool) -> Void
  typealias Fail = @Sendable (any Error) -> Void

  private enum Phase {
    case new
    case waiting
    /// Taken by a thread; the canceller is there while statements may run.
    case running(PostgresCanceller?)
    case done
  }

  private struct State {
    var phase = Phase.new
    var run: Run?
    var fail: Fail?
    var wasCancelled = false
    var timer: Task<Void, Never>?
  }

  private let state = Locked(State())

  func setUp(run: @escaping Run, fail: @escaping Fail) {
    state.withLock { state in
      state.phase = .waiting
      state.run = run
      state.fail = fail
    }
  }

  /// Answers with `error` if no thread has taken the job yet.
  func withdraw(_ error: any Error) {
    let fail: Fail? = state.withLock { state in
      guard case .waiting = state.phase else { return nil }
      return end(&state)
    }
    fail?(error)
  }

  /// Withdraws the job as timed out unless a thread takes it in time.
  func withdraw(after limit: Duration) {
    let timer = Task {
      guard (try? await Task.sleep(for: limit)) != nil else { return }
      withdraw(PostgresPool.TimedOut())
    }
    let isLate = state.withLock { state in
      guard case .waiting = state.phase else { return true }
      state.timer = timer
      return false
    }
    if isLate { timer.cancel() }
  }

  /// The task was cancelled.
  func cancel() {
    let isRunning = state.withLock { state in
      state.wasCancelled = true
      if case .running = state.phase { return true }
      return false
    }
    guard isRunning else { return withdraw(CancellationError()) }
    // On a thread of its own because it blocks; under the lock, so that the connection's next job cannot
    // begin before the server has taken the request, and be hit by it. Again and again, because a request
    // that comes between two statements has no effect.
    startThread {
      var pause: UInt32 = 1_000
      while self.cancelStatement() {
        usleep(pause)
        pause = min(2 * pause, 100_000)
      }
    }
  }

  /// False once the job is done.
  private func cancelStatement() -> Bool {
    state.withLock { state in
      guard case .running(let canceller) = state.phase else { return false }
      canceller?.cancel()
      return true
    }
  }

  /// A thread takes the job; false if it was withdrawn.
  func begin() -> Bool {
    state.withLock { state in
      guard case .waiting = state.phase else { return false }
      state.phase = .running(nil)
      state.timer?.cancel()
      state.timer = nil
      return true
    }
  }

  func run(_ connection: PostgresConnection, _ canceller: PostgresCanceller) {
    let (run, isCancelled) = state.withLock { state in
      state.phase = .running(canceller)
      return (state.run, state.wasCancelled)
    }
    guard let run, !isCancelled else { return fail(CancellationError()) }
    let tell = run(connection)
    let wasCancelled = state.withLock { state in
      _ = end(&state)
      return state.wasCancelled
    }
    tell(wasCancelled)
  }

  /// Answers a job that a thread has taken.
  func fail(_ error: any Error) {
    let fail = state.withLock { state in end(&state) }
    fail?(error)
  }

  private func end(_ state: inout State) -> Fail? {
    defer {
      state.phase = .done
      state.run = nil
      state.fail = nil
      state.timer?.cancel()
      state.timer = nil
    }
    return state.fail
  }
}
