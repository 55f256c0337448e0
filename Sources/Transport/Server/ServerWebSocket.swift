/// One WebSocket that a server has accepted. Any task may use it; only one may wait in `receive`.
///
/// Pings are answered by it. The bytes that wait to be sent are not bounded here: who sends looks at `queuedBytes`.
/// What waits to be received is, as `ServerWebSocketLimits` says: a slow receiver slows the client down.
package final class ServerWebSocket: Sendable {
  private struct State {
    var course: ServerWebSocketCourse
    var receiver: CheckedContinuation<WebSocketMessage?, Never>?
    var lastInbound = ContinuousClock.now

    // What the socket was told last.
    var isReading = true
    var isAskedToWrite = false
    var hasFinished = false
    var hasReset = false
    var hasLimit = false
    /// The loop has been asked to call `update`.
    var isUpdateDue = false
    /// There is no socket to be told any more.
    var isGone = false

    /// The socket does not do what the course wants.
    var needsUpdate: Bool {
      course.wantsInput != isReading || (wantsToWrite && !isAskedToWrite)
        || (course.socketEnd == .reset && !hasReset)
    }

    var wantsToWrite: Bool {
      !course.output.isEmpty || (course.socketEnd != nil && !hasFinished)
    }
  }

  private let state: Locked<State>
  private let askForUpdate: @Sendable () -> Void

  /// - Parameter askForUpdate: must have `update` called on the loop's thread.
  init(_ course: ServerWebSocketCourse, askForUpdate: @escaping @Sendable () -> Void) {
    state = Locked(State(course: course))
    self.askForUpdate = askForUpdate
  }

  /// The next message, in order. nil: it is over, as `end` tells, or the task is cancelled. Messages that came
  /// before the end are given first, also to a cancelled task.
  package func receive() async -> WebSocketMessage? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        change { state in
          precondition(state.receiver == nil, "two tasks receive from one WebSocket")
          state.receiver = continuation
        }
        // The handler may have run before the continuation was there.
        if Task.isCancelled { endReceiving() }
      }
    } onCancel: {
      endReceiving()
    }
  }

  /// Queues a text message; messages go out in the order of the calls. It is not looked at: UTF-8 is the caller's
  /// promise.
  /// - Returns: false where the WebSocket is over and nothing is sent.
  @discardableResult
  package func send(_ text: [UInt8]) -> Bool { change { $0.course.send(.text, text) } }

  /// As `send(_:)`, a binary message.
  @discardableResult
  package func send(binary: [UInt8]) -> Bool { change { $0.course.send(.binary, binary) } }

  /// Sends a close frame behind what is queued, then ends the connection as a server does, without waiting for the
  /// client's close frame. Nothing happens where the WebSocket is over.
  package func close(code: Int?, reason: String = "") {
    change { $0.course.close(code: code, reason: reason) }
  }

  /// Ends the connection at once with RST: no close frame, and what is queued is lost.
  package func reset() { change { $0.course.reset() } }

  /// nil while it is open. Messages that came before the end may still wait to be received.
  package var end: ServerWebSocketEnd? { state.withLock { $0.course.end } }

  /// Bytes that wait to be sent; what the kernel, and a piece of at most 256 KiB before it, holds is not among them.
  package var queuedBytes: Int { state.withLock { $0.course.output.byteCount } }

  /// When bytes of the client came last, whole frames or not; at first, when the WebSocket was opened.
  package var lastInbound: ContinuousClock.Instant { state.withLock { $0.lastInbound } }

  /// How many frames of any kind were taken in, pings and pongs too. It stands still while too many messages wait.
  package var framesReceived: Int { state.withLock { $0.course.framesReceived } }

  /// Makes a change, then gives the receiver what it waits for and has the socket told.
  private func change<Result>(_ body: (inout State) -> Result) -> Result {
    let (result, delivery, asks) = state.withLock { state in
      let result = body(&state)
      var delivery: (CheckedContinuation<WebSocketMessage?, Never>, WebSocketMessage?)?
      if let receiver = state.receiver {
        let message = state.course.takeMessage()
        if message != nil || state.course.end != nil {
          delivery = (receiver, message)
          state.receiver = nil
        }
      }
      let asks = state.needsUpdate && !state.isUpdateDue && !state.isGone
      if asks { state.isUpdateDue = true }
      return (result, delivery, asks)
    }
    if let (receiver, message) = delivery { receiver.resume(returning: message) }
    if asks { askForUpdate() }
    return result
  }

  private func endReceiving() {
    let receiver = state.withLock { state in
      defer { state.receiver = nil }
      return state.receiver
    }
    receiver?.resume(returning: nil)
  }
}

/// The server's side, on its loop's thread.
extension ServerWebSocket {
  /// Bytes that came and that nobody has received; what is a message's beginning is not counted.
  var heldBytes: Int { state.withLock { $0.course.heldBytes } }

  func received(_ bytes: [UInt8]) {
    change { state in
      if !bytes.isEmpty { state.lastInbound = .now }
      state.course.received(bytes)
    }
  }

  /// The connection is gone, or nothing of it counts any more.
  func lost() {
    change { state in
      state.course.lost()
      state.isGone = true
    }
  }

  /// False: close the socket at once.
  func write(to socket: TCPSocket) -> Bool {
    state.withLock { state in
      state.isAskedToWrite = false
      if state.course.socketEnd == .reset {
        if !state.hasReset { socket.reset() }
        return false
      }
      if !state.course.output.isEmpty {
        guard socket.write(&state.course.output) else { return false }
        state.course.sent()
      } else if state.course.socketEnd == .close, !state.hasFinished {
        socket.finishWriting()
        state.hasFinished = true
      }
      return true
    }
  }

  /// Makes the socket do what is wanted now.
  func update(_ socket: TCPSocket) {
    state.withLock { state in
      state.isUpdateDue = false
      if state.course.socketEnd == .reset, !state.hasReset {
        state.hasReset = true
        socket.reset()
      }
      if state.course.socketEnd != nil, !state.hasLimit {
        // A client that takes nothing must not hold the connection.
        state.hasLimit = true
        socket.limitRest(seconds: 10)
      }
      if state.course.wantsInput != state.isReading {
        state.isReading = state.course.wantsInput
        socket.setReading(state.isReading)
      }
      if state.wantsToWrite, !state.isAskedToWrite {
        state.isAskedToWrite = true
        socket.askToWrite()
      }
    }
  }
}
