import Testing

@testable import Transport

/// A client's frame, masked. `length` is how the payload's length is written where it is not the shortest form.
func clientFrame(
  _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0,
  length: [UInt8]? = nil
) -> [UInt8] {
  let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
  var head = ServerFrame.head(.text, payloadBytes: payload.count)
  head[0] = (isFinal ? 0x80 : 0) | reserved | opcode
  if let length { head = [head[0]] + length }
  head[1] |= 0x80
  return head + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
}

func clientText(_ text: String, isFinal: Bool = true) -> [UInt8] {
  clientFrame(1, Array(text.utf8), isFinal: isFinal)
}

@Suite struct ServerWebSocketFrameTests {
  typealias Event = ServerFrameParser.Event

  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  static let wellFormed: [(name: String, bytes: [UInt8], events: [Event])] = [
    // RFC 6455, 5.7.
    (
      "the RFC's masked hello",
      [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
      [.message(.text(bytes("Hello")))]
    ),
    ("an empty text", clientFrame(1, []), [.message(.text([]))]),
    ("a binary", clientFrame(2, [0xFF, 0x00]), [.message(.binary([0xFF, 0x00]))]),
    (
      "two messages", clientText("a") + clientText("b"),
      [.message(.text(bytes("a"))), .message(.text(bytes("b")))]
    ),
    (
      "125, 126 and 65,536 bytes",
      [125, 126, 65_535, 65_536].flatMap { clientFrame(2, [UInt8](repeating: 7, count: $0)) },
      [125, 126, 65_535, 65_536].map { .message(.binary([UInt8](repeating: 7, count: $0))) }
    ),
    (
      "control frames between fragments",
      clientText("a", isFinal: false) + clientFrame(9, [1]) + clientFrame(0, [], isFinal: false)
        + clientFrame(10, []) + clientFrame(0, bytes("b")),
      [.fragment, .ping([1]), .fragment, .pong, .message(.text(bytes("ab")))]
    ),
    (
      "a character cut between fragments",
      clientFrame(1, [0xC3], isFinal: false) + clientFrame(0, [0xA9]),
      [.fragment, .message(.text(bytes("é")))]
    ),
    (
      "a ping of 125 bytes", clientFrame(9, [UInt8](repeating: 1, count: 125)),
      [
        .ping([UInt8](repeating: 1, count: 125))
      ]
    ),
    ("a close without a code", clientFrame(8, []), [.close(code: nil)]),
    ("a close with a code", clientFrame(8, [0x03, 0xE8]), [.close(code: 1000)]),
    (
      "a close with a reason", clientFrame(8, [0x0F, 0xA0] + bytes("źle")), [.close(code: 4000)]
    ),
  ]

  @Test(arguments: wellFormed.indices)
  func `frames are found in pieces of any size`(index: Int) throws {
    let (name, bytes, events) = Self.wellFormed[index]
    for size in [1, 2, 3, 7, 1000, bytes.count] where size * 5000 >= bytes.count {
      var parser = ServerFrameParser(maximumMessageBytes: 65_536)
      var found: [Event] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        parser.append(Array(bytes[start..<min(start + size, bytes.count)]))
        while let event = try parser.next() { found.append(event) }
      }
      #expect(found == events, "\(name), \(size) bytes at a time")
      #expect(parser.pendingBytes == 0)
    }
  }

  static let violations: [(name: String, bytes: [UInt8], code: Int)] = [
    ("no mask", [0x81, 0x01, 0x61], 1002),
    ("a reserved bit", clientFrame(1, [], reserved: 0x40), 1002),
    ("an unknown opcode", clientFrame(3, []), 1002),
    ("an unknown control opcode", clientFrame(11, []), 1002),
    ("a continuation of nothing", clientFrame(0, []), 1002),
    ("a message within a message", clientText("a", isFinal: false) + clientText("b"), 1002),
    (
      "a continuation after the last",
      clientText("a", isFinal: false) + clientFrame(0, []) + clientFrame(0, []), 1002
    ),
    ("a ping in fragments", clientFrame(9, [], isFinal: false), 1002),
    ("a ping of 126 bytes", clientFrame(9, [UInt8](repeating: 1, count: 126)), 1002),
    ("two bytes for a short length", clientFrame(1, [1], length: [126, 0, 1]), 1002),
    (
      "eight bytes for a length that fits two",
      clientFrame(1, [1], length: [127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), 1002
    ),
    (
      "a length of 2^63", clientFrame(1, [1], length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1002
    ),
    (
      "a length of 2^62, not waited for",
      clientFrame(1, [], length: [127, 0x40, 0, 0, 0, 0, 0, 0, 0]), 1009
    ),
    ("one byte too many", clientFrame(1, [UInt8](repeating: 0x61, count: 11)), 1009),
    (
      "one byte too many in fragments",
      clientFrame(2, [1, 2, 3, 4, 5, 6], isFinal: false) + clientFrame(0, [1, 2, 3, 4, 5]), 1009
    ),
    ("a text that is no UTF-8", clientFrame(1, [0xC3, 0x28]), 1007),
    ("a text that ends within a character", clientFrame(1, [0xC3]), 1007),
    ("a surrogate", clientFrame(1, [0xED, 0xA0, 0x80]), 1007),
    ("half a close code", clientFrame(8, [3]), 1002),
    ("a close code that is never sent", clientFrame(8, [0x03, 0xED]), 1002),
    ("a close code below all", clientFrame(8, [0x03, 0xE7]), 1002),
    ("a close code above all", clientFrame(8, [0x13, 0x88]), 1002),
    ("a close reason that is no UTF-8", clientFrame(8, [0x03, 0xE8, 0xFF]), 1007),
  ]

  @Test(arguments: violations.indices)
  func `what is no frame of a client is refused with its code`(index: Int) {
    let (name, bytes, code) = Self.violations[index]
    var parser = ServerFrameParser(maximumMessageBytes: 10)
    parser.append(bytes)
    #expect(throws: ServerFrameParser.Violation(code: code), Comment(rawValue: name)) {
      while try parser.next() != nil {}
    }
  }

  @Test func `a message of the greatest length is taken`() throws {
    var parser = ServerFrameParser(maximumMessageBytes: 10)
    let ten = [UInt8](repeating: 0x61, count: 10)
    parser.append(clientFrame(1, ten) + clientFrame(1, ten))
    #expect(try parser.next() == .message(.text(ten)))
    #expect(try parser.next() == .message(.text(ten)))
  }

  @Test(
    arguments: [
      (0, [0x81, 0]), (125, [0x81, 125]), (126, [0x81, 126, 0, 126]),
      (65_535, [0x81, 126, 0xFF, 0xFF]), (65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func `a sent frame has the shortest head and no mask`(count: Int, head: [UInt8]) {
    #expect(ServerFrame.head(.text, payloadBytes: count) == head)
  }

  @Test func `a close reason is cut to a control frame, between characters`() {
    let payload = ServerFrame.closePayload(
      code: 1012, reason: "a" + String(repeating: "é", count: 200))
    #expect(payload.count == 2 + 1 + 61 * 2)
    #expect(payload.starts(with: [0x03, 0xF4, 0x61, 0xC3, 0xA9]))
    #expect(ServerFrame.closePayload(code: nil, reason: "x") == [])
  }

  @Test(arguments: [
    // RFC 6455, 1.3; FIPS 180-4's examples.
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
    (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
  ])
  func `a message has its published SHA-1`(message: String, digest: String) {
    let hex = SHA1.hash(Self.bytes(message)).map {
      ($0 < 16 ? "0" : "") + String($0, radix: 16)
    }
    #expect(hex.joined() == digest)
  }

  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `base 64 is the RFC's`(text: String, encoded: String) {
    #expect(Base64.encode(Self.bytes(text)) == encoded)
  }

  @Test func `a key is answered as in the RFC`() {
    #expect(
      WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }
}
