/// A WebSocket that this program opened, on a thread of its own. When its last reference goes, so do its thread and
/// its connection.
actor ClientWebSocket: WebSocketConnection {
  private let loop: EventLoop<WebSocketLine>
  private var lastID = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  init(_ plan: WebSocketPlan) throws(WebSocketError) {
    loop = EventLoop(try WebSocketLine(plan))
  }

  deinit { loop.stop() }

  private var line: WebSocketLine { loop.source }

  /// Connects and upgrades; once.
  func open() async throws(WebSocketError) {
    if Task.isCancelled { throw .cancelled(line.place) }
    let outcome = await withTaskCancellationHandler {
      // By way of `self`: a closure that does not capture it would run on another thread.
      await withCheckedContinuation { self.begin($0) }
    } onCancel: {
      // Runs on the loop after `begin`, because nothing suspends between the check above and it.
      Task { await self.cancelOpening() }
    }
    try outcome.get()
  }

  func receive() async throws(WebSocketError) -> WebSocketMessage {
    if Task.isCancelled { throw .cancelled(line.place) }
    let id = nextID()
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { self.receive(id, $0) }
    } onCancel: {
      Task { await self.cancelReceive(id) }
    }
    return try outcome.get()
  }

  func send(_ text: [UInt8]) async throws(WebSocketError) {
    if Task.isCancelled { throw .cancelled(line.place) }
    let id = nextID()
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { self.send(text, id, $0) }
    } onCancel: {
      Task { await self.cancelSend(id) }
    }
    try outcome.get()
  }

  /// Takes two seconds at most, and no notice of the task's being cancelled: closing is what a cancelled task does.
  func close(code: Int) async {
    await withCheckedContinuation { self.close(code, $0) }
  }

  /// Ends the connection without a close frame.
  func abort() { line.abort() }

  private func nextID() -> Int {
    lastID += 1
    return lastID
  }

  private func begin(_ continuation: WebSocketLine.Opened) {
    line.begin(continuation)
  }

  private func cancelOpening() { line.cancelOpening() }

  private func receive(_ id: Int, _ continuation: WebSocketLine.Received) {
    line.receive(id, continuation)
  }

  private func cancelReceive(_ id: Int) { line.cancelReceive(id) }

  private func send(_ text: [UInt8], _ id: Int, _ continuation: WebSocketLine.Handed) {
    line.send(text, id, continuation)
  }

  private func cancelSend(_ id: Int) { line.cancelSend(id) }

  private func close(_ code: Int, _ continuation: CheckedContinuation<Void, Never>) {
    line.close(code: code, continuation)
  }
}
