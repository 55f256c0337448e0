import Transport

/// A clock that stands still until a test lets it go on to the next time at which somebody wakes.
final class SteppedClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration
    func advanced(by duration: Duration) -> Self { Self(offset: offset + duration) }
    func duration(to other: Self) -> Duration { other.offset - offset }
    static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
  }

  private struct Sleeper {
    let due: Duration
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now = Duration.zero
    var lastID = 0
    var sleepers: [Int: Sleeper] = [:]
    var timers: [Int: (due: Duration, body: @Sendable () -> Void)] = [:]
    /// Cancelled before they slept.
    var cancelled: Set<Int> = []
    /// Things that are being delivered.
    var deliveries = 0
    var version = 0
    var observers: [CheckedContinuation<Void, Never>] = []

    mutating func change() -> [CheckedContinuation<Void, Never>] {
      version += 1
      defer { observers = [] }
      return observers
    }
  }

  private let state = Locked(State())
  private let advanced: @Sendable (Duration) -> Void

  /// - Parameter advanced: told by how much time went on.
  init(_ advanced: @escaping @Sendable (Duration) -> Void = { _ in }) { self.advanced = advanced }

  var now: Instant { Instant(offset: state.withLock { $0.now }) }
  var minimumResolution: Duration { .zero }

  /// Grows with every sleeper that comes or goes, and every delivery.
  var version: Int { state.withLock { $0.version } }
  var sleepers: Int { state.withLock { $0.sleepers.count } }
  var deliveries: Int { state.withLock { $0.deliveries } }
  func sleeps(until offset: Duration) -> Bool {
    state.withLock { $0.sleepers.values.contains { $0.due == offset } }
  }

  /// Returns once something has changed since.
  func changed(since version: Int) async {
    await withCheckedContinuation { continuation in
      let isNews = state.withLock { state in
        if state.version == version { state.observers.append(continuation) }
        return state.version != version
      }
      if isNews { continuation.resume() }
    }
  }

  /// Returns once this holds; it is looked at whenever something changes.
  func wait(until condition: () async -> Bool) async {
    while true {
      let version = version
      if await condition() { return }
      await changed(since: version)
    }
  }

  func beginDelivery() { change { $0.deliveries += 1 } }
  func endDelivery(_ count: Int = 1) { change { $0.deliveries -= count } }

  private func change(_ body: (inout State) -> Void) {
    let observers = state.withLock { state in
      body(&state)
      return state.change()
    }
    for observer in observers { observer.resume() }
  }

  func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { add($0, id, deadline.offset) }
    } onCancel: {
      cancel(id)
    }
  }

  private func add(
    _ continuation: CheckedContinuation<Void, any Error>, _ id: Int, _ due: Duration
  ) {
    let (isCancelled, isOver) = state.withLock { state in
      (state.cancelled.remove(id) != nil, due <= state.now)
    }
    if isCancelled { return continuation.resume(throwing: CancellationError()) }
    if isOver { return continuation.resume() }
    change { $0.sleepers[id] = Sleeper(due: due, continuation: continuation) }
    // Cancelled between the two.
    let missed = state.withLock {
      $0.cancelled.remove(id) != nil ? $0.sleepers.removeValue(forKey: id) : nil
    }
    missed?.continuation.resume(throwing: CancellationError())
  }

  private func cancel(_ id: Int) {
    var sleeper: Sleeper?
    change { state in
      sleeper = state.sleepers.removeValue(forKey: id)
      if sleeper == nil { state.cancelled.insert(id) }
    }
    sleeper?.continuation.resume(throwing: CancellationError())
  }

  /// Runs `body` after this time, when the test gets there.
  func after(_ time: Duration, _ body: @escaping @Sendable () -> Void) {
    change { state in
      state.lastID += 1
      state.timers[state.lastID] = (state.now + time, body)
    }
  }

  /// Goes on to the next time at which somebody wakes, or to the limit.
  /// - Returns: whether anybody was woken.
  func step(upTo limit: Duration) -> Bool {
    let (time, woken, timers) = state.withLock { state in
      let dues = state.sleepers.values.map(\.due) + state.timers.values.map(\.due)
      let next = max(state.now, min(dues.min() ?? limit, limit))
      let time = next - state.now
      state.now = next
      let woken = state.sleepers.filter { $0.value.due <= next }
      for id in woken.keys { state.sleepers[id] = nil }
      let timers = state.timers.filter { $0.value.due <= next }.sorted { $0.key < $1.key }
      for (id, _) in timers { state.timers[id] = nil }
      return (time, woken.sorted { $0.key < $1.key }.map(\.value), timers.map(\.value.body))
    }
    advanced(time)
    for timer in timers { timer() }
    for sleeper in woken { sleeper.continuation.resume() }
    change { _ in }
    return !(woken.isEmpty && timers.isEmpty)
  }
}
