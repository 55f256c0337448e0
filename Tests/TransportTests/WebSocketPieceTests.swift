import Testing

@testable import Transport

/// What is decided before and after the network: URLs, header fields, proxies, messages in pieces.
@Suite struct WebSocketPieceTests {
  private static func place(_ url: String) throws -> HTTPPlace { try WebSocketAddress(url).place }

  @Test(arguments: [1, 3, 7, 1 << 20])
  func `a message is put together from its pieces`(size: Int) throws {
    let bytes = Array("ä€😀 and more".utf8)
    var incoming = IncomingMessage(maximumBytes: bytes.count)
    for isBinary in [false, true, false] {
      var message: WebSocketMessage?
      for start in stride(from: 0, to: bytes.count, by: size) {
        #expect(message == nil)
        let end = min(start + size, bytes.count)
        message = try incoming.take(
          .init(
            bytes: Array(bytes[start..<end]), remaining: bytes.count - end, isBinary: isBinary,
            isLast: end == bytes.count))
      }
      #expect(message == (isBinary ? .binary(bytes) : .text(bytes)))
    }
  }

  @Test(
    arguments: [
      (count: 5, remaining: 6, IncomingMessage.Violation.tooLarge),
      (count: 11, remaining: 0, .tooLarge), (count: 0, remaining: .max, .tooLarge),
    ])
  func `a message over the limit is refused when its frame says so`(
    count: Int, remaining: Int, violation: IncomingMessage.Violation
  ) throws {
    for before in [0, 1] {
      var incoming = IncomingMessage(maximumBytes: 10 + before)
      let first = [UInt8](repeating: 65, count: before)
      _ = try incoming.take(.init(bytes: first, remaining: 0, isBinary: false, isLast: false))
      #expect(throws: violation) {
        let bytes = [UInt8](repeating: 65, count: count)
        _ = try incoming.take(
          .init(bytes: bytes, remaining: remaining, isBinary: false, isLast: false))
      }
    }
  }

  @Test(arguments: [[0xC3], [0xFF, 65], [0xED, 0xA0, 0x80]] as [[UInt8]])
  func `a text that is not UTF-8 is refused`(bytes: [UInt8]) {
    var incoming = IncomingMessage(maximumBytes: 10)
    #expect(throws: IncomingMessage.Violation.notUTF8) {
      _ = try incoming.take(.init(bytes: bytes, remaining: 0, isBinary: false, isLast: true))
    }
  }

  @Test(arguments: [
    ("ws://db.example", "/", "db.example", "db.example", 80),
    ("WSS://db.example:4000/a?b=c#d", "/a?b=c", "db.example:4000", "db.example", 4000),
    ("wss://db.example?b", "/?b", "db.example", "db.example", 443),
    ("ws://[::1]:80?b", "/?b", "[::1]:80", "::1", 80),
  ])
  func `a URL is taken apart`(url: String, target: String, place: String, host: String, port: Int)
    throws
  {
    let address = try WebSocketAddress(url)
    #expect(address.target == target)
    #expect(address.place.description == place)
    #expect(address.host == host)
    #expect(address.port == port)
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

  @Test func `the fields of a request are its lines`() throws {
    let address = try WebSocketAddress("wss://db.example/a")
    let fields: HTTPHeaders = [HTTPHeader("x-a", "1"), HTTPHeader("X-B", "2 3")]
    let head = try WebSocketRequestHead(address, fields, userAgent: "test")
    #expect(head.fields == Array("User-Agent: test\r\nx-a: 1\r\nX-B: 2 3\r\n".utf8))
    let own = try WebSocketRequestHead(address, [HTTPHeader("user-agent", "me")], userAgent: "test")
    #expect(own.fields == Array("user-agent: me\r\n".utf8))
  }

  @Test(arguments: [
    HTTPHeader("Host", "x"), HTTPHeader("Upgrade", "x"), HTTPHeader("Sec-WebSocket-Key", "x"),
    HTTPHeader("a b", "x"), HTTPHeader("", "x"), HTTPHeader("x", "secret\r\ny: z"),
    HTTPHeader("x", "secret" + String(repeating: "y", count: 40_000)),
  ])
  func `a header field that would break the request is refused`(field: HTTPHeader) throws {
    let address = try WebSocketAddress("ws://db.example/")
    let error = #expect(throws: WebSocketError.self) {
      _ = try WebSocketRequestHead(address, [field], userAgent: "test")
    }
    #expect(error?.kind == .other)
    #expect(error?.description.contains("secret") == false)
  }

  @Test(arguments: [
    "ws://db.example/?secret" + String(repeating: "x", count: 2_000),
    "ws://" + String(repeating: "x", count: 100) + "/?secret", "wss://[::1]/?secret",
  ])
  func `an address that would be cut on its way is refused`(url: String) throws {
    let address = try WebSocketAddress(url)
    let error = #expect(throws: WebSocketError.self) {
      _ = try WebSocketRequestHead(address, [], userAgent: "test")
    }
    #expect(error?.kind == .badURL)
    #expect(error?.description.contains("secret") == false)
  }

  @Test(
    arguments: [
      (["https_proxy": "http://proxy.example:3128"], "proxy.example:3128"),
      (["HTTPS_PROXY": "http://u:p@proxy.example:3128/"], "u:p@proxy.example:3128"),
      (["all_proxy": "proxy.example"], "proxy.example:1080"),
      (["https_proxy": "http://proxy.example:80"], "proxy.example:80"),
      (["https_proxy": "http://[fd00::1]:3128"], "[fd00::1]:3128"),
      (
        ["https_proxy": "http://proxy.example:3128", "no_proxy": "other.example"],
        "proxy.example:3128"
      ),
      (["https_proxy": "http://proxy.example:3128", "no_proxy": "x, .example"], nil),
      (["https_proxy": "http://proxy.example:3128", "NO_PROXY": "db.example"], nil),
      (["https_proxy": "http://proxy.example:3128", "no_proxy": "*"], nil),
      (["http_proxy": "http://proxy.example:3128"], nil), (["https_proxy": ""], nil), ([:], nil),
    ] as [([String: String], String?)])
  func `the proxy is that of the environment`(environment: [String: String], text: String?) throws {
    let proxy = try WebSocketProxy(before: Self.place("wss://db.example/"), environment)
    #expect(proxy.map { $0.text($0.host) } == text)
    #expect(try WebSocketProxy(before: Self.place("wss://localhost/"), environment) == nil)
  }

  @Test func `a proxy that is not HTTP is refused`() throws {
    let error = #expect(throws: WebSocketError.self) {
      let environment = ["all_proxy": "socks5://u:secret@proxy.example"]
      _ = try WebSocketProxy(before: Self.place("wss://db.example/"), environment)
    }
    #expect(error?.description.contains("all_proxy") == true)
    #expect(error?.description.contains("secret") == false)
  }

  @Test func `what libwebsockets says becomes what is said`() throws {
    let place = try Self.place("wss://db.example/")
    let cases: [(Int, String, WebSocketError.Kind)] = [
      (401, "HS: ws upgrade unauthorized", .refused(status: 401)),
      (101, "HS: ACCEPT missing", .other), (0, "HS: ws upgrade response not 101", .other),
      (0, "problems parsing header", .other), (101, "HS: EXT: unknown ext", .other),
      (0, "proxy not h1", .cannotConnect), (0, "Peer hung up", .lost), (0, "read failed", .lost),
    ]
    for (status, reason, kind) in cases {
      let error = WebSocketError.handshake(place, .init(status: status, reason: reason))
      #expect(error.kind == kind)
      #expect(error.description.contains("db.example"))
    }
  }
}
