import Dispatch
import Glibc
import Transport

/// The wish to end: a SIGINT, a SIGTERM, or the end of standard input.
final class Ending: Sendable {
  private let state: Locked<State>
  private let sources: Locked<[any DispatchSourceSignal]>

  private struct State {
    var hasCome = false
    /// The signal that ends the process at once: the first, the second; nil: none.
    var last: Int?
    var waiting: CheckedContinuation<Void, Never>?
  }

  /// - Parameters:
  ///   - isImmediate: a signal ends this process at once, and what it started with it, until `allowAnOrderlyEnd`.
  ///   - watchesInput: the end of standard input counts.
  init(isImmediate: Bool = false, watchesInput: Bool = true) {
    state = Locked(State(last: isImmediate ? 1 : nil))
    sources = Locked([])
    for number in [SIGINT, SIGTERM] {
      // Else the signal's own action would come first.
      _ = signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [state] in Self.come(state, signal: number) }
      source.activate()
      sources.withLock { $0.append(source) }
    }
    guard watchesInput else { return }
    startThread { [state] in
      StandardInput.waitForEnd()
      Self.come(state, signal: nil)
    }
  }

  var hasCome: Bool { state.withLock { $0.hasCome } }

  /// From now on only a second signal ends this process at once.
  func allowAnOrderlyEnd() { state.withLock { $0.last = 2 } }

  /// From now on every signal does, again.
  func endAtOnce() { state.withLock { $0.last = 1 } }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if !state.hasCome { state.waiting = continuation }
        return state.hasCome
      }
      if isOver { continuation.resume() }
    }
  }

  private static func come(_ state: Locked<State>, signal: Int32?) {
    let (waiting, isLast) = state.withLock { state in
      defer { state.waiting = nil }
      state.hasCome = true
      if signal != nil { state.last = state.last.map { $0 - 1 } }
      return (state.waiting, state.last.map { $0 <= 0 } ?? false)
    }
    // As a shell says of a process that the signal ended.
    if isLast, let signal { exit(128 + signal) }
    waiting?.resume()
  }
}
