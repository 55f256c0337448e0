/// One WebSocket on a thread of its own: moves bytes between the connection and whoever sends and receives.
///
/// All but `wakeUp` belongs to the loop's thread.
final class WebSocketLine: EventSource, @unchecked Sendable {
  typealias Received = CheckedContinuation<Result<WebSocketMessage, WebSocketError>, Never>
  typealias Opened = CheckedContinuation<Result<Void, WebSocketError>, Never>

  private enum Phase {
    case idle, connecting, upgrading, open
    /// The WebSocket is over; a close frame is on its way, or the server's is awaited.
    case finishing
    case ended
  }

  /// How long the server is given to close when the WebSocket is over.
  private static let patience = Duration.seconds(2)
  private static let pieceBytes = 64 << 10

  let place: HTTPPlace
  private let address: WebSocketAddress
  private let request: WebSocketRequest
  private let userAgent: String
  private let stream = CurlStream()
  private var upgrade: WebSocketUpgrade
  private var frames: IncomingFrames
  private var phase = Phase.idle
  private var deadline: ContinuousClock.Instant?
  private var buffer = [UInt8](repeating: 0, count: pieceBytes)
  /// Reading stopped for fairness, not for want of bytes.
  private var mayHaveMore = false
  /// The server takes nothing any more, though what it has sent may still be read.
  private var isWriteBroken = false
  private var outgoing: [OutgoingFrame] = []
  private var queue = MessageQueue()
  /// The server's close frame is the answer to this side's.
  private var isCloseAwaited = false
  /// What `receive` throws once the queue is empty.
  private var failure: WebSocketError?

  private var opened: Opened?
  private var received: (id: Int, continuation: Received)?
  private var finished: [CheckedContinuation<Void, Never>] = []

  init(_ request: WebSocketRequest, _ address: WebSocketAddress, userAgent: String) {
    self.request = request
    self.address = address
    self.userAgent = userAgent
    place = address.place
    upgrade = WebSocketUpgrade(address.place)
    frames = IncomingFrames(maximumMessageBytes: request.maximumMessageBytes)
  }

  func wakeUp() { stream.wakeUp() }

  func poll(timeout: Int32) {
    if let deadline, deadline <= .now { overdue() }
    advance()
    let isPolled = phase == .upgrading || phase == .open || phase == .finishing
    stream.wait(
      timeout: timeout == 0 || mayHaveMore ? 0 : millisecondsToDeadline,
      reading: isPolled && isReading, writing: isPolled && !outgoing.isEmpty)
  }

  func end() { abort() }

  // MARK: - What the tasks ask for

  func begin(_ continuation: Opened) {
    opened = continuation
    deadline = ContinuousClock.now.advanced(by: min(request.connectLimit, .seconds(1 << 20)))
    do {
      let bytes = try upgrade.request(address.target, request.headers, userAgent: userAgent)
      outgoing.append(OutgoingFrame(request: bytes))
    } catch {
      return end(error)
    }
    do {
      try stream.begin(address, caFile: request.caFile, limit: request.connectLimit)
      phase = .connecting
    } catch {
      end(WebSocketError(error))
    }
  }

  /// Does nothing once the WebSocket is open: whoever was cancelled then has it already.
  func cancelOpening() {
    if opened != nil { abort() }
  }

  func receive(_ id: Int, _ continuation: Received) {
    if let message = queue.removeFirst() {
      continuation.resume(returning: .success(message))
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

  func send(_ text: [UInt8], _ id: Int, _ continuation: OutgoingFrame.Handed) {
    guard phase == .open, !isWriteBroken else {
      return continuation.resume(returning: .failure(failure ?? .lost(place)))
    }
    outgoing.append(OutgoingFrame(Opcode.text, text, id: id, handed: continuation))
  }

  /// What has begun to go out goes out, but nobody waits for it any more.
  func cancelSend(_ id: Int) {
    guard let index = outgoing.firstIndex(where: { $0.id == id }) else { return }
    outgoing[index].resume(.failure(.cancelled(place)))
    if !outgoing[index].isBegun { outgoing.remove(at: index) }
  }

  func close(code: Int, _ continuation: CheckedContinuation<Void, Never>) {
    guard phase != .ended else { return continuation.resume() }
    finished.append(continuation)
    guard phase == .open else { return }
    isCloseAwaited = true
    finish(.closedHere(place, code: code), code: code, sendsWaiting: true)
  }

  /// Ends whatever there is at once.
  func abort() { end(.cancelled(place)) }

  // MARK: - Progress

  private func advance() {
    if phase == .connecting {
      switch stream.progress() {
      case .pending: return
      case .failed(let error): return end(WebSocketError(error))
      case .connected: phase = .upgrading
      }
    }
    write()
    read()
    // Reading makes pongs and close frames.
    write()
  }

  private var isReading: Bool { phase != .open || queue.hasRoom }

  private var isStreaming: Bool { phase == .upgrading || phase == .open || phase == .finishing }

  private func write() {
    while isStreaming, !isWriteBroken, let frame = outgoing.first {
      frame.isBegun = true
      switch stream.write(frame.bytes, from: frame.offset) {
      case .nothing: return
      case .moved(let count):
        frame.offset += count
        guard frame.offset == frame.bytes.count else { continue }
        outgoing.removeFirst()
        frame.resume(.success(()))
      case .ended:
        isWriteBroken = true
        failSends()
      }
    }
  }

  private func read() {
    mayHaveMore = false
    var pieces = 0
    while isStreaming {
      takeFrames()
      guard isStreaming, isReading else { return }
      guard pieces < 16 else {
        mayHaveMore = true
        return
      }
      pieces += 1
      switch stream.read(into: &buffer) {
      case .nothing: return
      case .ended: return readEnded()
      case .moved(let count): took(buffer[..<count])
      }
    }
  }

  private func took(_ bytes: ArraySlice<UInt8>) {
    guard phase == .upgrading else {
      if phase == .open || isCloseAwaited { frames.append(bytes) }
      return
    }
    do {
      guard let rest = try upgrade.take(bytes) else { return }
      frames.append(rest)
      phase = .open
      deadline = nil
      opened?.resume(returning: .success(()))
      opened = nil
    } catch {
      end(error)
    }
  }

  private func takeFrames() {
    do {
      while phase == .open && queue.hasRoom || phase == .finishing && isCloseAwaited {
        guard let event = try frames.next() else { return }
        switch event {
        case .message(let message): took(message)
        case .ping(let payload): answer(payload)
        case .close(let code): tookClose(code)
        }
      }
    } catch {
      guard phase == .open else { return end(.lost(place)) }
      let failure: WebSocketError =
        error == .tooLarge
        ? .tooLarge(place, limit: request.maximumMessageBytes) : .violated(place, error.reason)
      finish(failure, code: error.code, sendsWaiting: false)
    }
  }

  private func took(_ message: WebSocketMessage) {
    guard phase == .open else { return }
    guard let received else { return queue.append(message) }
    self.received = nil
    received.continuation.resume(returning: .success(message))
  }

  /// Only the newest ping is answered where the answer to one before has not gone out.
  private func answer(_ ping: [UInt8]) {
    guard phase == .open, !isWriteBroken else { return }
    outgoing.removeAll { $0.opcode == Opcode.pong && !$0.isBegun }
    let index = outgoing.first?.isBegun == true ? 1 : 0
    outgoing.insert(OutgoingFrame(Opcode.pong, ping), at: index)
  }

  private func tookClose(_ code: Int?) {
    guard phase == .open else { return end(.lost(place)) }
    finish(.closed(place, code: code), code: code, sendsWaiting: false)
  }

  private func readEnded() {
    end(phase == .upgrading ? .lostInUpgrade(place) : .lost(place))
  }

  private func overdue() {
    deadline = nil
    end(phase == .finishing ? .lost(place) : .timedOut(place, after: request.connectLimit))
  }

  // MARK: - The end

  /// Gives up the WebSocket, sends a close frame and gives the server some time to end the connection.
  private func finish(_ error: WebSocketError, code: Int?, sendsWaiting: Bool) {
    phase = .finishing
    deadline = ContinuousClock.now.advanced(by: Self.patience)
    if !sendsWaiting { failSends(except: \.isBegun, with: error) }
    outgoing.append(.close(code: code))
    fail(with: error)
  }

  private func end(_ error: WebSocketError) {
    guard phase != .ended else { return }
    phase = .ended
    deadline = nil
    mayHaveMore = false
    stream.drop()
    fail(with: error)
    failSends()
    opened?.resume(returning: .failure(error))
    opened = nil
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

  private func failSends(
    except isKept: (OutgoingFrame) -> Bool = { _ in false }, with error: WebSocketError? = nil
  ) {
    let error = error ?? failure ?? .lost(place)
    for frame in outgoing where !isKept(frame) { frame.resume(.failure(error)) }
    outgoing.removeAll { !isKept($0) }
  }

  private var millisecondsToDeadline: Int32 {
    guard let deadline else { return .max }
    // One more, or the last fraction of a millisecond would be waited for in a busy loop.
    return Int32(clamping: max(0, ContinuousClock.now.duration(to: deadline).milliseconds + 1))
  }
}
