/// Lets requests through in the order they came, as a `Pace` has it. Whoever waits can be cancelled; the wait counts
/// towards no time limit, and stands in the answer or the error as `queued`.
package final class PacedTransport: HTTPTransport {
  private let transport: any HTTPTransport
  private let clock: any Clock<Duration>
  /// Since this was made.
  private let elapsed: @Sendable () -> Duration
  private let state: Locked<State>

  private struct State {
    var pace: Pace
    var lastID = 0
    var queue: [Waiting] = []
    /// Cancelled before they waited.
    var cancelled: Set<Int> = []
    /// Whether somebody sleeps for the first of the queue.
    var isPaused = false
  }

  private struct Waiting {
    let id: Int
    let bytes: Int
    /// Gets what is reserved for it; nil: it was cancelled.
    let continuation: CheckedContinuation<Double?, Never>
  }

  package init(
    _ transport: any HTTPTransport, _ pace: Pace, clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.transport = transport
    self.clock = clock
    elapsed = Self.stopwatch(clock)
    state = Locked(State(pace: pace))
  }

  private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }

  /// Requests that wait.
  package var waiting: Int { state.withLock { $0.queue.count } }

  package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    let arrival = elapsed()
    let bytes = request.body?.count ?? 0
    guard let reserved = await turn(bytes) else { throw .cancelled(try HTTPPlace(request.url)) }
    let queued = elapsed() - arrival
    do throws(HTTPError) {
      var answer = try await transport.send(request)
      end(reserved, bytes, answer: answer.body.count)
      answer.queued += queued
      return answer
    } catch {
      end(reserved, bytes, answer: nil)
      var error = error
      error.queued += queued
      throw error
    }
  }

  private func turn(_ bytes: Int) async -> Double? {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    let reserved = await withTaskCancellationHandler {
      await withCheckedContinuation {
        self.wait(Waiting(id: id, bytes: bytes, continuation: $0))
      }
    } onCancel: {
      self.cancel(id)
    }
    // Cancelled when it had been let through: the transport sees to that.
    state.withLock { _ = $0.cancelled.remove(id) }
    return reserved
  }

  private func wait(_ waiting: Waiting) {
    let isCancelled = state.withLock { state in
      if state.cancelled.contains(waiting.id) { return true }
      state.queue.append(waiting)
      return false
    }
    if isCancelled { waiting.continuation.resume(returning: nil) } else { admit() }
  }

  private func cancel(_ id: Int) {
    let waiting = state.withLock { state -> Waiting? in
      guard let index = state.queue.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil
      }
      return state.queue.remove(at: index)
    }
    guard let waiting else { return }
    waiting.continuation.resume(returning: nil)
    // The next one may be smaller.
    admit()
  }

  private func end(_ reserved: Double, _ bytes: Int, answer: Int?) {
    state.withLock {
      $0.pace.end(reserved: reserved, bytes: bytes, answer: answer, at: elapsed())
    }
    admit()
  }

  /// Lets through whoever may begin, and looks again when the next one may.
  private func admit() {
    let (admitted, pause) = state.withLock { state in
      var admitted: [(Waiting, Double)] = []
      while let first = state.queue.first {
        switch state.pace.next(bytes: first.bytes, at: elapsed()) {
        case .begin(let reserved):
          admitted.append((state.queue.removeFirst(), reserved))
          continue
        case .wait: break
        case .pause(let pause) where !state.isPaused:
          state.isPaused = true
          return (admitted, Optional(pause))
        case .pause: break
        }
        break
      }
      return (admitted, nil)
    }
    for (waiting, reserved) in admitted { waiting.continuation.resume(returning: reserved) }
    guard let pause else { return }
    Task {
      try? await self.clock.sleep(for: pause)
      self.state.withLock { $0.isPaused = false }
      self.admit()
    }
  }
}
