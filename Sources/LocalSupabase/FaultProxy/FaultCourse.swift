import Transport

/// What a `FaultProxy` has seen and done so far, and what it does next.
final class FaultCourse: Sendable {
  private struct State {
    var faults: FaultScript
    var records: [FaultProxy.Record] = []
    var faultsDealt = 0
    var upstreamFailures = 0
    var waiting: [Int: Waiting] = [:]
    /// Forwarding that does not end with its client.
    var unbroken: [Int: Task<ServerAnswer, Never>] = [:]
    var lastKey = 0
    var isStopped = false

    mutating func newKey() -> Int {
      lastKey += 1
      return lastKey
    }
  }

  private struct Waiting {
    var number: Int
    var continuation: CheckedContinuation<Bool, Never>
  }

  private let state: Locked<State>

  init(_ faults: @escaping FaultScript) { state = Locked(State(faults: faults)) }

  var records: [FaultProxy.Record] { state.withLock { $0.records } }
  var faultsDealt: Int { state.withLock { $0.faultsDealt } }
  var upstreamFailures: Int { state.withLock { $0.upstreamFailures } }

  func setFaults(_ faults: @escaping FaultScript) { state.withLock { $0.faults = faults } }

  func upstreamFailed() { state.withLock { $0.upstreamFailures += 1 } }

  /// Numbers and records the request, decides its fault, then tells who waits for it.
  func arrived(_ request: ServerRequest) -> Fault {
    let record = FaultProxy.Record(
      method: request.method, target: String(decoding: request.target, as: UTF8.self))
    let (number, faults) = state.withLock { state in
      state.records.append(record)
      return (state.records.count, state.faults)
    }
    // Outside the lock: a script may look at the proxy.
    let fault = faults(request, number)
    let due = state.withLock { state in
      if fault.isFault { state.faultsDealt += 1 }
      let due = state.waiting.filter { $0.value.number <= number }
      for key in due.keys { state.waiting[key] = nil }
      return due.values
    }
    for waiting in due { waiting.continuation.resume(returning: true) }
    return fault
  }

  func waitForRequest(_ number: Int) async throws(CancellationError) {
    let key = state.withLock { $0.newKey() }
    let hasArrived = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known: Bool? = state.withLock { state in
          if state.records.count >= number { return true }
          if state.isStopped || Task.isCancelled { return false }
          state.waiting[key] = Waiting(number: number, continuation: continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      let waiting = state.withLock { $0.waiting.removeValue(forKey: key) }
      waiting?.continuation.resume(returning: false)
    }
    guard hasArrived else { throw CancellationError() }
  }

  /// Does the work to its end though the task that asks is cancelled; only `stop` cancels it.
  func unbroken(_ work: @escaping @Sendable () async -> ServerAnswer) async -> ServerAnswer {
    let (key, task) = state.withLock { state in
      let key = state.newKey()
      let task = Task { await work() }
      if state.isStopped { task.cancel() }
      state.unbroken[key] = task
      return (key, task)
    }
    let answer = await task.value
    state.withLock { $0.unbroken[key] = nil }
    return answer
  }

  /// Cancels what is under way and lets nobody wait any longer.
  func stop() {
    let (tasks, waiting) = state.withLock { state in
      state.isStopped = true
      defer { state.waiting = [:] }
      return (state.unbroken.values, state.waiting.values)
    }
    for task in tasks { task.cancel() }
    for waiting in waiting { waiting.continuation.resume(returning: false) }
  }
}
