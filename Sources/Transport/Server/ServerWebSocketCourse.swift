/// What one WebSocket of the server does next, decided without a socket: bytes and the session's wishes go in,
/// messages and bytes to send come out. Messages are taken out of the bytes only while few wait, so memory
/// stays bounded.
struct ServerWebSocketCourse {
  var output: OutputQueue
  /// What is done with the socket once the output is sent.
  private(set) var socketEnd: HTTPConnection.End?
  /// nil while it is open. Messages that came before may still wait.
  private(set) var end: ServerWebSocketEnd?
  /// Frames of any kind that were taken out of the bytes.
  private(set) var framesReceived = 0

  private let limits: ServerWebSocketLimits
  private var parser: ServerFrameParser
  private var waiting: [WebSocketMessage] = []
  private var waitingBytes = 0
  /// The last ping that came while much waited to be sent: only that one need be answered (RFC 6455, 5.5.3).
  private var owedPong: [UInt8]?
  /// Nothing more is looked for in what came.
  private var hasStopped = false
  /// Nothing can be sent any more.
  private var isGone = false

  /// Pongs are put off while so much waits to be sent.
  private static let pongLimit = 64 << 10

  /// - Parameter output: the answer that opens the WebSocket, and what waits before it.
  init(output: OutputQueue, limits: ServerWebSocketLimits) {
    self.output = output
    self.limits = limits
    parser = ServerFrameParser(maximumMessageBytes: limits.messageBytes)
  }

  /// False while too much waits. Once the end is known, what comes is dropped.
  var wantsInput: Bool { hasStopped || hasRoom }

  /// Bytes that came and that nobody has taken.
  var heldBytes: Int { waitingBytes + parser.pendingBytes }

  private var hasRoom: Bool {
    waiting.count < limits.waitingMessages && waitingBytes <= limits.messageBytes
  }

  mutating func received(_ bytes: [UInt8]) {
    if hasStopped { return }
    parser.append(bytes)
    advance()
  }

  /// The oldest message that waits.
  mutating func takeMessage() -> WebSocketMessage? {
    guard !waiting.isEmpty else { return nil }
    let message = waiting.removeFirst()
    waitingBytes -= message.byteCount
    advance()
    return message
  }

  /// False: it is over, nothing is sent.
  mutating func send(_ opcode: ServerFrame.Opcode, _ payload: [UInt8]) -> Bool {
    guard end == nil, !isGone else { return false }
    output.append(ServerFrame.head(opcode, payloadBytes: payload.count))
    output.append(payload)
    return true
  }

  /// Some of the output has been sent.
  mutating func sent() {
    guard let pong = owedPong, output.byteCount < Self.pongLimit else { return }
    owedPong = nil
    _ = send(.pong, pong)
  }

  /// The session's wish. Frames queued before go out before.
  mutating func close(code: Int?, reason: String) {
    finish(.closedByServer(code: code), ServerFrame.closePayload(code: code, reason: reason))
    hasStopped = true
  }

  /// The session's wish. Nothing that is queued goes out.
  mutating func reset() {
    guard socketEnd != .reset else { return }
    if end == nil { end = .reset }
    output = OutputQueue()
    socketEnd = .reset
    hasStopped = true
  }

  /// The connection is gone. What came before can still be taken.
  mutating func lost() {
    output = OutputQueue()
    isGone = true
    advance()
  }

  private mutating func advance() {
    while !hasStopped && hasRoom {
      do {
        guard let event = try parser.next() else { break }
        framesReceived += 1
        perform(event)
      } catch {
        finish(
          .closedByServer(code: error.code),
          ServerFrame.closePayload(code: error.code, reason: ""))
        hasStopped = true
      }
    }
    // Only once all that came is read is it known that no close frame is among it.
    if isGone && !hasStopped && hasRoom {
      if end == nil { end = .lost }
      hasStopped = true
    }
  }

  private mutating func perform(_ event: ServerFrameParser.Event) {
    switch event {
    case .message(let message):
      waiting.append(message)
      waitingBytes += message.byteCount
    case .fragment, .pong:
      break
    case .ping(let payload):
      if output.byteCount < Self.pongLimit {
        _ = send(.pong, payload)
      } else {
        owedPong = payload
      }
    case .close(let code):
      finish(.closedByClient(code: code), ServerFrame.closePayload(code: code, reason: ""))
      hasStopped = true
    }
  }

  private mutating func finish(_ end: ServerWebSocketEnd, _ payload: [UInt8]) {
    guard self.end == nil else { return }
    _ = send(.close, payload)
    self.end = end
    socketEnd = .close
  }
}

extension WebSocketMessage {
  fileprivate var byteCount: Int {
    switch self {
    case .text(let bytes), .binary(let bytes): bytes.count
    }
  }
}
