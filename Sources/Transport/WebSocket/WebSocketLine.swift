/// One WebSocket on a thread of its own: stands between libwebsockets and whoever sends and receives.
///
/// All but `wakeUp` belongs to the loop's thread.
final class WebSocketLine: EventSource, @unchecked Sendable {
  typealias Received = CheckedContinuation<Result<WebSocketMessage, WebSocketError>, Never>
  typealias Opened = CheckedContinuation<Result<Void, WebSocketError>, Never>
  typealias Handed = CheckedContinuation<Result<Void, WebSocketError>, Never>

  private enum Phase {
    case idle, resolving, connecting, open
    /// The WebSocket is over; a close frame is on its way, or the server's is awaited.
    case finishing
    case ended
  }

  private struct Outgoing {
    var text: [UInt8]
    var id: Int
    var handed: Handed
  }

  /// How long the server is given to close when the WebSocket is over.
  private static let patience = Duration.seconds(2)

  let place: HTTPPlace
  private let plan: WebSocketPlan
  private let context: WebSocketContext
  private var phase = Phase.idle
  private var deadline: ContinuousClock.Instant?

  private var lookup: NameLookup?
  /// Those that have not been tried.
  private var addresses: ArraySlice<String> = []
  private var isTrying = false
  private var isConnected = false
  /// When the next address has its turn; nil once there is a connection, and for the last address.
  private var turn: ContinuousClock.Instant?

  private var incoming: IncomingMessage
  private var queue = MessageQueue()
  private var isPaused = false
  private var outgoing: [Outgoing] = []
  /// A text that libwebsockets has not got rid of yet, and who waits for it.
  private var buffered: (id: Int, handed: Handed)?
  /// To be sent behind what waits to be sent.
  private var closeCode: Int?
  /// What `receive` throws once the queue is empty.
  private var failure: WebSocketError?

  private var opening: Opened?
  private var received: (id: Int, continuation: Received)?
  private var finished: [CheckedContinuation<Void, Never>] = []

  init(_ plan: WebSocketPlan) throws(WebSocketError) {
    self.plan = plan
    place = plan.place
    incoming = IncomingMessage(maximumBytes: plan.request.maximumMessageBytes)
    context = try WebSocketContext(plan.place)
    context.events = self
  }

  func wakeUp() { context.wakeUp() }

  func poll(timeout: Int32) {
    if let deadline, deadline <= .now { overdue() }
    if let turn, turn <= .now {
      self.turn = nil
      context.abandon()
    }
    connect()
    if phase == .ended { context.destroy() }
    let next = [deadline, turn].compactMap { $0 }.min()
    context.wait(until: next, atOnce: timeout == 0)
  }

  func end() {
    abort()
    context.destroy()
  }

  // MARK: - What the tasks ask for

  func begin(_ continuation: Opened) {
    opening = continuation
    deadline = ContinuousClock.now + min(plan.request.connectLimit, .seconds(1 << 20))
    do throws(WebSocketError) {
      try context.prepare(place, caFile: plan.request.caFile, fields: plan.head.fields)
    } catch {
      return end(error)
    }
    phase = .resolving
    // The lookup may outlive what asked for it.
    lookup = NameLookup(plan.nextHost, plan.resolve) { [weak self] in self?.wakeUp() }
  }

  /// Does nothing once the WebSocket is open: whoever was cancelled then has it already.
  func cancelOpening() {
    if opening != nil { abort() }
  }

  func receive(_ id: Int, _ continuation: Received) {
    if let message = queue.removeFirst() {
      continuation.resume(returning: .success(message))
      if isPaused, queue.isHalfEmpty { setReading(true) }
    } else if let failure {
      continuation.resume(returning: .failure(failure))
    } else if received != nil {
      continuation.resume(returning: .failure(.receivedTwice(place)))
    } else {
      received = (id, continuation)
    }
  }

  func cancelReceive(_ id: Int) {
    guard let received, received.id == id else { return }
    self.received = nil
    received.continuation.resume(returning: .failure(.cancelled(place)))
  }

  func send(_ text: [UInt8], _ id: Int, _ continuation: Handed) {
    guard phase == .open else {
      return continuation.resume(returning: .failure(failure ?? .lost(place)))
    }
    outgoing.append(Outgoing(text: text, id: id, handed: continuation))
    context.askToWrite()
  }

  /// What has begun to go out goes out, but nobody waits for it any more.
  func cancelSend(_ id: Int) {
    if let buffered, buffered.id == id {
      self.buffered = nil
      buffered.handed.resume(returning: .failure(.cancelled(place)))
    } else if let index = outgoing.firstIndex(where: { $0.id == id }) {
      outgoing.remove(at: index).handed.resume(returning: .failure(.cancelled(place)))
    }
  }

  func close(code: Int, _ continuation: CheckedContinuation<Void, Never>) {
    guard phase != .ended else { return continuation.resume() }
    finished.append(continuation)
    guard phase == .open else { return }
    closeCode = Self.maySend(code) ? code : 1000
    finish(.closedHere(place, code: code), sendsWaiting: true)
    context.askToWrite()
  }

  /// Ends whatever there is at once.
  func abort() { end(.cancelled(place)) }

  /// RFC 6455, section 7.4.
  private static func maySend(_ code: Int) -> Bool {
    (1000..<5000).contains(code) && ![1004, 1005, 1006, 1015].contains(code)
  }

  // MARK: - Connecting

  /// Tries the next address where none is being tried.
  private func connect() {
    if phase == .resolving, let found = lookup?.addresses {
      lookup = nil
      addresses = found[...]
      phase = .connecting
      if found.isEmpty { end(.nameNotResolved(place, plan.nextName)) }
    }
    while phase == .connecting, !isTrying {
      guard let address = addresses.popFirst() else { return end(.unreachable(place)) }
      if let deadline, !addresses.isEmpty {
        let now = ContinuousClock.now
        turn = now + now.duration(to: deadline) / (addresses.count + 1)
      }
      (isTrying, isConnected) = (true, false)
      let isBegun = context.connect(
        plan.head, to: plan.proxy == nil ? address : plan.address.host, port: plan.address.port,
        proxy: plan.proxy?.text(address), isSecure: place.isSecure)
      if !isBegun { isTrying = false }
    }
  }

  private func overdue() {
    deadline = nil
    end(phase == .finishing ? .lost(place) : .timedOut(place, after: plan.request.connectLimit))
  }

  // MARK: - The end

  private func setReading(_ isReading: Bool) {
    isPaused = !isReading
    context.setReading(isReading)
  }

  /// Gives up the WebSocket, but leaves the server some time to end the connection.
  private func finish(_ error: WebSocketError, sendsWaiting: Bool) {
    phase = .finishing
    deadline = ContinuousClock.now + Self.patience
    fail(with: error)
    if !sendsWaiting { failSends() }
    // The server's close frame lies behind what nobody wants any more.
    setReading(true)
  }

  private func end(_ error: WebSocketError) {
    guard phase != .ended else { return }
    phase = .ended
    (deadline, turn, lookup) = (nil, nil, nil)
    fail(with: error)
    failSends()
    opening?.resume(returning: .failure(error))
    opening = nil
    for continuation in finished { continuation.resume() }
    finished = []
  }

  /// The first failure is the one that is told.
  private func fail(with error: WebSocketError) {
    let failure = failure ?? error
    self.failure = failure
    received?.continuation.resume(returning: .failure(failure))
    received = nil
  }

  private func failSends() {
    let error = failure ?? .lost(place)
    buffered?.handed.resume(returning: .failure(error))
    buffered = nil
    for text in outgoing { text.handed.resume(returning: .failure(error)) }
    outgoing = []
  }
}

// What libwebsockets tells; nothing here may end the context, which waits for `poll`.
extension WebSocketLine: WebSocketEvents {
  func connected() {
    isConnected = true
    turn = nil
  }

  func failed(_ failure: WebSocketContext.Failure) {
    guard phase == .connecting else { return }
    isTrying = false
    turn = nil
    if let error = context.securityFailure(place, failure) { return end(error) }
    // Where there was no connection at all, another address may still do.
    if isConnected { end(.handshake(place, failure)) }
  }

  func opened() {
    guard phase == .connecting else { return }
    phase = .open
    deadline = nil
    opening?.resume(returning: .success(()))
    opening = nil
  }

  func received(_ piece: IncomingMessage.Piece) -> WebSocketContext.Next {
    guard phase == .open else { return phase == .ended ? .drop : .goOn }
    do throws(IncomingMessage.Violation) {
      guard let message = try incoming.take(piece) else { return .goOn }
      take(message)
      return .goOn
    } catch {
      switch error {
      case .tooLarge:
        finish(.tooLarge(place, limit: plan.request.maximumMessageBytes), sendsWaiting: false)
      case .notUTF8: finish(.violated(place, "a text is not UTF-8"), sendsWaiting: false)
      }
      return .close(code: error.code)
    }
  }

  private func take(_ message: WebSocketMessage) {
    if let received {
      self.received = nil
      received.continuation.resume(returning: .success(message))
    } else {
      queue.append(message)
      if !isPaused, !queue.hasRoom { setReading(false) }
    }
  }

  func canWrite() -> WebSocketContext.Next {
    guard phase != .ended else { return .drop }
    buffered?.handed.resume(returning: .success(()))
    buffered = nil
    guard !outgoing.isEmpty else {
      guard let code = closeCode else { return .goOn }
      closeCode = nil
      return .close(code: code)
    }
    let text = outgoing.removeFirst()
    switch context.write(text.text) {
    case .handed: text.handed.resume(returning: .success(()))
    case .buffered: buffered = (text.id, text.handed)
    case .broken:
      text.handed.resume(returning: .failure(failure ?? .lost(place)))
      return .drop
    }
    context.askToWrite()
    return .goOn
  }

  func closing(code: Int?) {
    guard phase == .open else { return }
    finish(.closed(place, code: code), sendsWaiting: false)
  }

  func closed() { end(.lost(place)) }
}
