import Testing

@testable import Transport

/// The wire format alone: frames, the handshake, the URL.
@Suite struct WebSocketFrameTests {
  private typealias Peer = WebSocketPeer

  private func events(
    _ bytes: [UInt8], inPiecesOf size: Int, limit: Int = 1 << 20
  ) throws -> [IncomingFrames.Event] {
    var frames = IncomingFrames(maximumMessageBytes: limit)
    var events: [IncomingFrames.Event] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      frames.append(bytes[start..<min(start + size, bytes.count)])
      while let event = try frames.next() { events.append(event) }
    }
    return events
  }

  @Test(arguments: [1, 2, 3, 7, 1 << 20])
  func `messages are put together however the bytes come`(size: Int) throws {
    let long = [UInt8](repeating: 7, count: 70_000)
    var bytes = Peer.text("one") + Peer.frame(1, Array("tw".utf8), isFinal: false)
    bytes += Peer.frame(9, [1, 2]) + Peer.frame(0, [], isFinal: false) + Peer.frame(10, [9])
    bytes += Peer.frame(0, Array("o".utf8)) + Peer.frame(2, long) + Peer.text("")
    bytes += Peer.close(1012)
    let expected: [IncomingFrames.Event] = [
      .message(.text(Array("one".utf8))), .ping([1, 2]), .message(.text(Array("two".utf8))),
      .message(.binary(long)), .message(.text([])), .close(code: 1012),
    ]
    #expect(try events(bytes, inPiecesOf: size) == expected)
  }

  @Test func `a character may be cut by the end of a frame`() throws {
    let bytes = Array("ä€😀".utf8)
    let frames = bytes.enumerated().flatMap { index, byte in
      Peer.frame(index == 0 ? 1 : 0, [byte], isFinal: index == bytes.count - 1)
    }
    #expect(try events(frames, inPiecesOf: 5) == [.message(.text(bytes))])
  }

  @Test(
    arguments: [
      (Peer.frame(0, [1]), 1002), (Peer.frame(3), 1002), (Peer.frame(11), 1002),
      (Peer.frame(1, [65], isFinal: false) + Peer.frame(1, [66]), 1002),
      (Peer.frame(9, [1], isFinal: false), 1002),
      (Peer.frame(9, [UInt8](repeating: 0, count: 126)), 1002),
      ([0xC1, 0x00], 1002), ([0x81, 0x80, 1, 2, 3, 4], 1002), (Peer.frame(8, [3]), 1002),
      ([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002), (Peer.frame(1, [0xC3]), 1007),
      (Peer.frame(1, [0xED, 0xA0, 0x80]), 1007), ([0x82, 126, 0x03, 0xE9], 1009),
      ([0x82, 127, 0x7F, 0, 0, 0, 0, 0, 0, 0], 1009),
      (
        Peer.frame(2, [UInt8](repeating: 0, count: 600), isFinal: false) + [0x80, 126, 0x01, 0x91],
        1009
      ),
    ] as [([UInt8], Int)])
  func `what the protocol forbids is refused`(bytes: [UInt8], code: Int) {
    let violation = #expect(throws: IncomingFrames.Violation.self) {
      _ = try events(bytes, inPiecesOf: 1, limit: 1_000)
    }
    #expect(violation?.code == code)
  }

  @Test func `a message of just the limit is taken`() throws {
    let bytes = [UInt8](repeating: 1, count: 1_000)
    #expect(
      try events(Peer.frame(2, bytes), inPiecesOf: 64, limit: 1_000) == [.message(.binary(bytes))])
  }

  // RFC 6455, section 5.7.
  @Test func `the masked example of the standard`() {
    #expect(
      OutgoingFrame.encode(Opcode.text, Array("Hello".utf8), mask: 0x37fa_213d)
        == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
  }

  @Test(arguments: [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
  func `lengths take as many bytes as they need`(count: Int, head: Int) {
    let bytes = OutgoingFrame.encode(Opcode.text, [UInt8](repeating: 65, count: count), mask: 0)
    #expect(bytes.count == head + 4 + count)
  }

  // RFC 6455, section 1.3.
  private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
  private static let agreement = [
    "HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  ]

  private func take(_ lines: [String], rest: String = "", inPiecesOf size: Int = 1) throws
    -> [UInt8]?
  {
    var upgrade = WebSocketUpgrade(try HTTPPlace("http://db.example/"), key: Self.key)
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + rest).utf8)
    var taken: [UInt8]?
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = bytes[start..<min(start + size, bytes.count)]
      if let before = taken { taken = before + piece } else { taken = try upgrade.take(piece) }
    }
    return taken
  }

  @Test(arguments: [1, 5, 1_000])
  func `the example of the standard is agreed to`(size: Int) throws {
    #expect(try take(Self.agreement, rest: "\u{1}x", inPiecesOf: size) == [1, 0x78])
    let early = ["HTTP/1.1 103 Early Hints", "Link: x", ""] + Self.agreement
    #expect(try take(early, inPiecesOf: size) == [])
  }

  @Test(arguments: [
    (1, "Upgrade: h2c"), (1, "X: y"), (2, "Connection: close"), (2, "Connection: not-upgrade"),
    (3, "Sec-WebSocket-Accept: AAAA"), (3, "X: y"), (0, "HTTP/2 101"), (0, "SSH-2.0-x"),
    (0, "HTTP/1.1 abc"), (2, "Connection: upgrade\r\nSec-WebSocket-Extensions: permessage-deflate"),
    (2, "Connection: upgrade\r\nSec-WebSocket-Protocol: chat"),
  ])
  func `any other agreement is refused`(line: Int, text: String) {
    var lines = Self.agreement
    lines[line] = text
    let error = #expect(throws: WebSocketError.self) { _ = try take(lines) }
    #expect(error?.kind == .other)
    #expect(error?.description.contains("db.example") == true)
  }

  @Test func `a head without an end is refused`() {
    let error = #expect(throws: WebSocketError.self) {
      _ = try take(Self.agreement + [String(repeating: "x", count: 70_000)], inPiecesOf: 1_000)
    }
    #expect(error?.kind == .other)
  }

  @Test(arguments: [
    ("ws://db.example", "/", "db.example", "http://db.example/"),
    ("WSS://db.example:4000/a?b=c#d", "/a?b=c", "db.example:4000", "https://db.example:4000/"),
    ("ws://[::1]:80?b", "/?b", "[::1]:80", "http://[::1]:80/"),
  ])
  func `a URL is taken apart`(url: String, target: String, host: String, origin: String) throws {
    let address = try WebSocketAddress(url)
    #expect(address.target == target)
    #expect(address.place.description == host)
    #expect(address.origin == origin)
  }

  @Test(arguments: [
    "", "db.example", "https://db.example/", "ws://", "ws:///a", "ws://a b/", "ws://u:secret@h/",
    "ws://h/\r\nX: y", "ws://h/ä", "ws://h:99999/",
  ])
  func `an unusable URL is refused without being shown`(url: String) {
    let error = #expect(throws: WebSocketError.self) { _ = try WebSocketAddress(url) }
    #expect(error?.kind == .badURL)
    #expect(error?.description.contains("secret") == false)
  }

  @Test(arguments: [
    HTTPHeader("Host", "x"), HTTPHeader("Upgrade", "x"), HTTPHeader("Sec-WebSocket-Key", "x"),
    HTTPHeader("a b", "x"), HTTPHeader("", "x"), HTTPHeader("x", "secret\r\ny: z"),
  ])
  func `a header field that would break the request is refused`(field: HTTPHeader) throws {
    let upgrade = WebSocketUpgrade(try HTTPPlace("http://db.example/"))
    let error = #expect(throws: WebSocketError.self) {
      _ = try upgrade.request("/", HTTPHeaders([field]), userAgent: "test")
    }
    #expect(error?.description.contains("secret") == false)
  }
}
