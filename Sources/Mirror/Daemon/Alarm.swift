/// Lets one task sleep until it is woken, or until a time has passed.
///
/// A sleeper sleeps on the clock, whether it has a time or not, and no longer once it was woken: so a clock that
/// counts its sleepers knows whether there is work.
actor Alarm {
  private let clock: any Clock<Duration>
  private var isRung = false
  private var sleeper: CheckedContinuation<Void, Never>?
  private var timer: Task<Void, Never>?
  /// Tells a timer whose sleeper was woken otherwise that it comes too late.
  private var sleeps = 0

  /// Waking once too often is harmless.
  private static let longest = Duration.seconds(86_400)

  init(_ clock: any Clock<Duration>) { self.clock = clock }

  /// Wakes the sleeper, or the next one to come.
  func ring() {
    guard let sleeper else {
      isRung = true
      return
    }
    timer?.cancel()
    timer = nil
    self.sleeper = nil
    sleeper.resume()
  }

  /// Returns when it was rung, when `time` has passed (nil: a day), or when the task is cancelled. One task at a
  /// time.
  func sleep(atMost time: Duration? = nil) async {
    if isRung || Task.isCancelled {
      isRung = false
      return
    }
    sleeps += 1
    timer = Task { [clock, sleeps] in
      // Cancelled: the sleeper is awake already.
      guard (try? await clock.sleep(for: time ?? Self.longest)) != nil else { return }
      if sleeps == self.sleeps, self.sleeper != nil { self.ring() }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { self.wait($0) }
    } onCancel: {
      Task { await self.ring() }
    }
  }

  private func wait(_ continuation: CheckedContinuation<Void, Never>) { sleeper = continuation }
}
