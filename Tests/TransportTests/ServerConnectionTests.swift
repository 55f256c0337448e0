import Testing

@testable import Transport

@Suite struct ServerConnectionTests {
  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func target(_ action: HTTPConnection.Action) -> String? {
    guard case .handle(let request) = action else { return nil }
    return String(decoding: request.target, as: UTF8.self)
  }

  @Test func `a pipelined request waits for the answer before it`() {
    var connection = HTTPConnection()
    let first = connection.received(Self.bytes("GET /1 HTTP/1.1\n\nGET /2 HT"))
    #expect(Self.target(first) == "/1")
    #expect(Self.target(connection.received(Self.bytes("TP/1.1\n\n"))) == nil)
    #expect(Self.target(connection.answered(ServerAnswer())) == "/2")
  }

  @Test func `reading pauses while too much waits, and goes on`() {
    var connection = HTTPConnection()
    _ = connection.received(Self.bytes("GET / HTTP/1.1\n\n"))
    let half = [UInt8](repeating: 0x0A, count: HTTPConnection.pendingLimit / 2)
    _ = connection.received(half)
    #expect(connection.wantsInput)
    _ = connection.received(half)
    #expect(!connection.wantsInput)
    var closing = connection
    _ = closing.answered(ServerAnswer(ending: .close))
    #expect(closing.wantsInput)
    #expect(closing.end == .close)
  }

  @Test func `a client that does not read its answers gets no further ones`() {
    var connection = HTTPConnection()
    _ = connection.received(Self.bytes("GET /1 HTTP/1.1\n\nGET /2 HTTP/1.1\n\n"))
    let large = ServerAnswer(
      body: [UInt8](repeating: 0, count: HTTPConnection.pendingLimit), framing: .contentLength)
    #expect(Self.target(connection.answered(large)) == nil)
    #expect(Self.target(connection.sent()) == nil)
    var room = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe room.withUnsafeMutableBytes { unsafe connection.output.fill($0) }
    #expect(count == 1 << 16)
    #expect(Self.target(connection.sent()) == "/2")
  }

  @Test(arguments: [ServerAnswer.Ending.silence, .reset, .close, .cut(afterBodyBytes: 1)])
  func `nothing is looked for after an answer that ends the connection`(
    ending: ServerAnswer.Ending
  ) {
    var connection = HTTPConnection()
    _ = connection.received(Self.bytes("GET /1 HTTP/1.1\n\nGET /2 HTTP/1.1\n\n"))
    #expect(Self.target(connection.answered(ServerAnswer(ending: ending))) == nil)
    #expect(Self.target(connection.received(Self.bytes("GET /3 HTTP/1.1\n\n"))) == nil)
    #expect(Self.target(connection.sent()) == nil)
    #expect(connection.wantsInput)
  }

  @Test func `the bytes of an answer are those of PostgREST's server`() {
    let answers: [(ServerAnswer, String)] = [
      (
        ServerAnswer(body: Self.bytes("[]")),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
      ),
      (
        ServerAnswer(status: 201),
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      ),
      (
        ServerAnswer(status: 204, headers: [HTTPHeader("A", "b")], framing: .none),
        "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"
      ),
      (ServerAnswer(status: 299, framing: .none), "HTTP/1.1 299 \r\n\r\n"),
      (
        ServerAnswer(status: 409, reason: Self.bytes("źle\nx"), framing: .none),
        "HTTP/1.1 409 źle\nx\r\n\r\n"
      ),
    ]
    for (answer, expected) in answers {
      var connection = HTTPConnection()
      _ = connection.received(Self.bytes("GET / HTTP/1.1\n\n"))
      _ = connection.answered(answer)
      var room = [UInt8](repeating: 0, count: 1 << 10)
      let count = unsafe room.withUnsafeMutableBytes { unsafe connection.output.fill($0) }
      #expect(String(decoding: room[..<count], as: UTF8.self) == expected)
    }
  }
}
