/// Lets one task sleep until it is woken, or until a time has passed.
actor Alarm {
  private let clock: any Clock<Duration>
  private var isRung = false
  private var sleeper: CheckedContinuation<Void, Never>?

  init(_ clock: any Clock<Duration>) { self.clock = clock }

  /// Wakes the sleeper, or the next one to come.
  func ring() {
    if let sleeper {
      self.sleeper = nil
      sleeper.resume()
    } else {
      isRung = true
    }
  }

  /// Returns when it was rung, when `time` has passed, or when the task is cancelled. One task at a time.
  func sleep(atMost time: Duration?) async {
    if isRung || Task.isCancelled {
      isRung = false
      return
    }
    let timer = time.map { time in
      Task { [clock] in
        // Cancelled: the sleeper is awake already.
        guard (try? await clock.sleep(for: time)) != nil else { return }
        self.ring()
      }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { self.wait($0) }
    } onCancel: {
      Task { await self.ring() }
    }
    timer?.cancel()
  }

  private func wait(_ continuation: CheckedContinuation<Void, Never>) {
    if isRung {
      isRung = false
      continuation.resume()
    } else {
      sleeper = continuation
    }
  }
}
