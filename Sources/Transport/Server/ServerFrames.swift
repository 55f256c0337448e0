/// Finds the frames in what one client sends (RFC 6455, section 5): masked, without extensions. Bytes are appended as
/// they come, in pieces of any size; `next` is called until it has nothing more. After a violation the
/// connection is of no use.
struct ServerFrameParser {
  enum Event: Hashable {
    /// Put together from its fragments; text is UTF-8.
    case message(WebSocketMessage)
    /// A fragment that is not its message's last.
    case fragment
    case ping([UInt8])
    case pong
    /// nil where the frame holds no code.
    case close(code: Int?)
  }

  /// The client broke the protocol or a limit; `code` is the one to close with.
  struct Violation: Error, Hashable { var code: Int }

  private struct Header {
    var opcode: ServerFrame.Opcode
    var isFinal: Bool
    var mask: [UInt8]
    /// Of the payload, and how much of it was taken.
    var count: Int
    var taken = 0
  }

  private let maximumMessageBytes: Int
  private var input: [UInt8] = []
  /// Everything before it is consumed.
  private var position = 0
  private var header: Header?
  /// Of the message that is being put together; nil between messages.
  private var messageOpcode: ServerFrame.Opcode?
  private var payload: [UInt8] = []

  init(maximumMessageBytes: Int) { self.maximumMessageBytes = maximumMessageBytes }

  /// Bytes that were appended and not yet consumed.
  var pendingBytes: Int { input.count - position }

  mutating func append(_ bytes: [UInt8]) {
    if position == input.count {
      input = bytes
    } else {
      input.removeSubrange(..<position)
      input.append(contentsOf: bytes)
    }
    position = 0
  }

  /// nil: more bytes are needed.
  mutating func next() throws(Violation) -> Event? {
    if header == nil {
      guard let next = try readHeader() else { return nil }
      header = next
      if !next.opcode.isControl {
        if next.opcode != .continuation { messageOpcode = next.opcode }
        // A promise of a large payload is not yet one: beyond this the array grows as the bytes come.
        payload.reserveCapacity(min(payload.count + next.count, 1 << 20))
      }
    }
    guard let header else { return nil }
    return header.opcode.isControl ? try takeControl(header) : try takeData(header)
  }

  private mutating func readHeader() throws(Violation) -> Header? {
    guard pendingBytes >= 2 else { return nil }
    let (first, second) = (input[position], input[position + 1])
    guard first & 0x70 == 0, let opcode = ServerFrame.Opcode(rawValue: first & 0x0F),
      second & 0x80 != 0
    else { throw Violation(code: 1002) }
    let isFinal = first & 0x80 != 0
    if opcode.isControl {
      guard isFinal, second & 0x7F <= ServerFrame.controlLimit else { throw Violation(code: 1002) }
    } else {
      guard (opcode == .continuation) == (messageOpcode != nil) else {
        throw Violation(code: 1002)
      }
    }
    let lengthBytes =
      switch second & 0x7F {
      case 126: 2
      case 127: 8
      default: 0
      }
    guard pendingBytes >= 2 + lengthBytes + 4 else { return nil }
    var length = UInt64(second & 0x7F)
    if lengthBytes > 0 {
      let start = position + 2
      length = input[start..<start + lengthBytes].reduce(0) { $0 << 8 | UInt64($1) }
      // The shortest form is required, and the highest bit is zero.
      guard length > (lengthBytes == 2 ? 125 : 0xFFFF), length <= UInt64(Int.max) else {
        throw Violation(code: 1002)
      }
    }
    let isTooLong = length > UInt64(max(0, maximumMessageBytes - payload.count))
    guard opcode.isControl || !isTooLong else { throw Violation(code: 1009) }
    let mask = Array(input[(position + 2 + lengthBytes)...].prefix(4))
    position += 2 + lengthBytes + 4
    return Header(opcode: opcode, isFinal: isFinal, mask: mask, count: Int(length))
  }

  private mutating func takeControl(_ header: Header) throws(Violation) -> Event? {
    guard pendingBytes >= header.count else { return nil }
    var bytes = Array(input[position..<position + header.count])
    for i in bytes.indices { bytes[i] ^= header.mask[i & 3] }
    position += header.count
    self.header = nil
    switch header.opcode {
    case .ping: return .ping(bytes)
    case .pong: return .pong
    default: return .close(code: try Self.closeCode(bytes))
    }
  }

  private mutating func takeData(_ header: Header) throws(Violation) -> Event? {
    var header = header
    let count = min(pendingBytes, header.count - header.taken)
    let start = payload.count
    payload.append(contentsOf: input[position..<position + count])
    for i in 0..<count { payload[start + i] ^= header.mask[(header.taken + i) & 3] }
    position += count
    header.taken += count
    guard header.taken == header.count else {
      self.header = header
      return nil
    }
    self.header = nil
    guard header.isFinal else { return .fragment }
    defer {
      messageOpcode = nil
      payload = []
    }
    guard messageOpcode == .text else { return .message(.binary(payload)) }
    guard isUTF8(payload) else { throw Violation(code: 1007) }
    return .message(.text(payload))
  }

  /// RFC 6455, 7.4: which codes may be sent.
  private static func closeCode(_ bytes: [UInt8]) throws(Violation) -> Int? {
    if bytes.isEmpty { return nil }
    guard bytes.count >= 2 else { throw Violation(code: 1002) }
    let code = Int(bytes[0]) << 8 | Int(bytes[1])
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: break
    default: throw Violation(code: 1002)
    }
    guard isUTF8(Array(bytes[2...])) else { throw Violation(code: 1007) }
    return code
  }
}

/// The frames a server sends: whole and not masked.
enum ServerFrame {
  enum Opcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
  }

  /// The most that a control frame holds.
  static let controlLimit = 125

  /// What goes before the payload.
  static func head(_ opcode: Opcode, payloadBytes count: Int) -> [UInt8] {
    let first = 0x80 | opcode.rawValue
    switch count {
    case ...125: return [first, UInt8(count)]
    case ...0xFFFF: return [first, 126, UInt8(count >> 8), UInt8(truncatingIfNeeded: count)]
    default:
      return [first, 127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }
  }

  /// The payload of a close frame. A reason that is too long is cut between two characters.
  static func closePayload(code: Int?, reason: String) -> [UInt8] {
    guard let code else { return [] }
    var text: [UInt8] = []
    for character in reason {
      guard 2 + text.count + character.utf8.count <= controlLimit else { break }
      text += character.utf8
    }
    return [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)] + text
  }
}

private func isUTF8(_ bytes: [UInt8]) -> Bool {
  String(validating: bytes, as: UTF8.self) != nil
}
