/// Puts messages together from what a server sends (RFC 6455, section 5). Nothing is taken out of the bytes before
/// `next` is called, so whoever stops calling stops the memory from growing.
struct IncomingFrames {
  enum Event: Hashable {
    case message(WebSocketMessage)
    /// To be answered with the same bytes.
    case ping([UInt8])
    case close(code: Int?)
  }

  /// The server's bytes cannot be gone on with; `code` belongs in the close frame that says so.
  struct Violation: Error, Hashable {
    var code: Int
    var reason: String

    static let tooLarge = Violation(code: 1009, reason: "a message is too long")
  }

  private struct Frame {
    var opcode: UInt8
    var isFinal: Bool
    /// Bytes of the payload that have not been taken yet.
    var remaining: Int

    var isControl: Bool { opcode >= 8 }
  }

  private let limit: Int
  private var input: [UInt8] = []
  private var start = 0
  private var frame: Frame?
  /// The opcode that the message in parts began with.
  private var opcode: UInt8?
  private var message: [UInt8] = []

  init(maximumMessageBytes: Int) { limit = maximumMessageBytes }

  mutating func append(_ bytes: some Collection<UInt8>) {
    if start > 0 {
      input.removeFirst(start)
      start = 0
    }
    input += bytes
  }

  /// Nil: more bytes are needed.
  mutating func next() throws(Violation) -> Event? {
    while true {
      if frame == nil { frame = try readHead() }
      guard var current = frame else { return nil }
      let available = input.count - start
      if current.isControl {
        guard available >= current.remaining else { return nil }
        let payload = Array(input[start..<start + current.remaining])
        start += current.remaining
        frame = nil
        if let event = try Self.control(current.opcode, payload) { return event }
        continue
      }
      let count = min(available, current.remaining)
      message += input[start..<start + count]
      start += count
      current.remaining -= count
      guard current.remaining == 0 else {
        frame = current
        return nil
      }
      frame = nil
      if current.isFinal { return .message(try finishMessage()) }
    }
  }

  private mutating func finishMessage() throws(Violation) -> WebSocketMessage {
    defer {
      message = []
      opcode = nil
    }
    guard opcode == Opcode.text else { return .binary(message) }
    guard (try? UTF8Span(validating: message.span)) != nil else {
      throw Violation(code: 1007, reason: "a text is not UTF-8")
    }
    return .text(message)
  }

  private mutating func readHead() throws(Violation) -> Frame? {
    let available = input.count - start
    guard available >= 2 else { return nil }
    let (first, second) = (input[start], input[start + 1])
    guard first & 0x70 == 0 else {
      throw Violation(code: 1002, reason: "a frame has bits set that mean nothing")
    }
    guard second & 0x80 == 0 else { throw Violation(code: 1002, reason: "a frame is masked") }
    let extended = second == 126 ? 2 : second == 127 ? 8 : 0
    guard available >= 2 + extended else { return nil }
    let length = input[start + 2..<start + 2 + extended].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let length = Int(exactly: extended == 0 ? UInt64(second) : length) else {
      throw Violation(code: 1002, reason: "a frame has an impossible length")
    }
    let frame = Frame(opcode: first & 0x0F, isFinal: first & 0x80 != 0, remaining: length)
    try check(frame)
    start += 2 + extended
    return frame
  }

  private mutating func check(_ frame: Frame) throws(Violation) {
    switch frame.opcode {
    case Opcode.close, Opcode.ping, Opcode.pong:
      guard frame.isFinal, frame.remaining <= 125 else {
        throw Violation(code: 1002, reason: "a control frame is in parts or too long")
      }
      return
    case Opcode.text, Opcode.binary:
      guard opcode == nil else {
        throw Violation(code: 1002, reason: "a message began within another")
      }
      opcode = frame.opcode
    case Opcode.continuation:
      guard opcode != nil else {
        throw Violation(code: 1002, reason: "a message goes on that never began")
      }
    default:
      throw Violation(code: 1002, reason: "a frame is of an unknown kind")
    }
    guard frame.remaining <= limit - message.count else { throw .tooLarge }
    // A promise is cheap: beyond a megabyte the array grows by what really comes.
    message.reserveCapacity(min(message.count + frame.remaining, 1 << 20))
  }

  /// Nil for a pong, which asks for nothing.
  private static func control(_ opcode: UInt8, _ payload: [UInt8]) throws(Violation) -> Event? {
    switch opcode {
    case Opcode.ping: return .ping(payload)
    case Opcode.pong: return nil
    default:
      if payload.isEmpty { return .close(code: nil) }
      guard payload.count >= 2 else {
        throw Violation(code: 1002, reason: "a close frame holds half a code")
      }
      return .close(code: Int(payload[0]) << 8 | Int(payload[1]))
    }
  }
}

/// The kinds of frames (RFC 6455, section 5.2).
enum Opcode {
  static let continuation: UInt8 = 0
  static let text: UInt8 = 1
  static let binary: UInt8 = 2
  static let close: UInt8 = 8
  static let ping: UInt8 = 9
  static let pong: UInt8 = 10
}
