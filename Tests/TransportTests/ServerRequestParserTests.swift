import Testing

@testable import Transport

private struct Parsed: Equatable {
  var requests: [String] = []
  var failure: HTTPRequestParser.Failure?
}

/// Every request as one line: method, target, headers, body, what becomes of the connection.
private func parse(_ pieces: [[UInt8]], limits: HTTPRequestParser.Limits = .init()) -> Parsed {
  var parser = HTTPRequestParser(limits: limits)
  var parsed = Parsed()
  do {
    for piece in pieces {
      parser.append(piece)
      steps: while true {
        switch try parser.next() {
        case .incomplete:
          break steps
        case .expectsContinue(let request):
          parsed.requests.append("expects \(line(request))")
        case .request(let request):
          parsed.requests.append(line(request))
        }
      }
    }
  } catch {
    parsed.failure = error
  }
  return parsed
}

private func line(_ request: HTTPRequestParser.Request) -> String {
  let message = request.message
  let headers = message.headers.fields.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
  return "\(message.method) \(String(decoding: message.target, as: UTF8.self)) [\(headers)] "
    + String(decoding: message.body, as: UTF8.self) + (request.closes ? " closes" : "")
}

@Suite struct ServerRequestParserTests {
  static let good: [(String, [String])] = [
    ("GET / HTTP/1.1\r\n\r\n", ["GET / [] "]),
    ("\r\n\nGET / HTTP/1.1\n\n", ["GET / [] "]),
    ("GET /a%20b?x=%00&y=é HTTP/1.1\r\nHost: h\r\n\r\n", ["GET /a%20b?x=%00&y=é [Host=h] "]),
    ("A: B HTTP/1.1\r\n\r\n", ["A: B [] "]),
    (
      "GET / HTTP/1.1\r\nA:1\r\na: 2\r\nA:\t 3 \r\nB:\r\nnocolon\r\n\r\n",
      ["GET / [A=1,a=2,A=3 ,B=,nocolon=] "]
    ),
    ("GET / HTTP/1.0\r\n\r\n", ["GET / []  closes"]),
    (
      "GET / HTTP/1.1\r\nConnection: Keep-Alive, Close\r\n\r\n",
      ["GET / [Connection=Keep-Alive, Close]  closes"]
    ),
    (
      "P / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
      ["P / [content-length=3] abc", "GET / [] "]
    ),
    (
      "P / HTTP/1.1\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
      ["P / [Content-Length=0,Expect=100-continue] "]
    ),
    (
      "P / HTTP/1.1\r\nContent-Length: 3, 3\r\nContent-Length: 3\r\n\r\n\r\n\r",
      ["P / [Content-Length=3, 3,Content-Length=3] \r\n\r"]
    ),
    (
      "P / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0A \r\n0123456789\r\n0\r\n\r\n"
        + "GET / HTTP/1.1\r\n\r\n",
      ["P / [Transfer-Encoding=Chunked] abc0123456789", "GET / [] "]
    ),
    (
      "P / HTTP/1.1\nTransfer-Encoding: chunked\n\n1\nx\n0\nTrailer: 1\n\n",
      ["P / [Transfer-Encoding=chunked] x closes"]
    ),
    (
      "P / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      ["P / [Content-Length=1,Transfer-Encoding=chunked] ab"]
    ),
    (
      "P / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx",
      [
        "expects P / [Content-Length=1,Expect=100-Continue] ",
        "P / [Content-Length=1,Expect=100-Continue] x",
      ]
    ),
    (
      "P / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
      ["P / [Content-Length=1,Expect=100-continue] x closes"]
    ),
  ]

  @Test(arguments: good)
  func `requests are found however the bytes are split`(sent: String, requests: [String]) {
    let bytes = Array(sent.utf8)
    let expected = Parsed(requests: requests)
    #expect(parse([bytes]) == expected)
    #expect(parse(bytes.map { [$0] }) == expected)
    for split in 1..<bytes.count {
      #expect(parse([Array(bytes[..<split]), Array(bytes[split...])]) == expected, "at \(split)")
    }
  }

  @Test(arguments: [
    "hello\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", " / HTTP/1.1\r\n\r\n",
    "GET / x HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
    "P / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "P / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "P / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
    "P / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "P / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
  ])
  func `what does not tell where it ends is malformed`(sent: String) {
    let bytes = Array(sent.utf8)
    #expect(parse([bytes]) == Parsed(failure: .malformed))
    #expect(parse(bytes.map { [$0] }) == Parsed(failure: .malformed))
  }

  @Test(arguments: [
    (29, "GET / HTTP/1.1\r\nABCD: 567\r\n\r\n", Parsed(requests: ["GET / [ABCD=567] "])),
    (28, "GET / HTTP/1.1\r\nABCD: 567\r\n\r\n", Parsed(failure: .headTooLarge)),
    (29, "GET / HTTP/1.1\r\nABCD: 56789012", Parsed(failure: .headTooLarge)),
    (40, "P / HTTP/1.1\nContent-Length:5\n\n", Parsed(failure: .bodyTooLarge)),
    (
      40, "P / HTTP/1.1\nContent-Length:4\n\n1234",
      Parsed(requests: ["P / [Content-Length=4] 1234"])
    ),
  ])
  fileprivate func `limits hold to the byte`(headBytes: Int, sent: String, expected: Parsed) {
    let limits = HTTPRequestParser.Limits(headBytes: headBytes, bodyBytes: 4)
    #expect(parse([Array(sent.utf8)], limits: limits) == expected)
    #expect(parse(sent.utf8.map { [$0] }, limits: limits) == expected)
  }

  @Test func `chunks together stay below the limit of a body`() {
    let limits = HTTPRequestParser.Limits(bodyBytes: 4)
    let sent = "P / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n"
    #expect(parse([Array(sent.utf8)], limits: limits) == Parsed(failure: .bodyTooLarge))
  }

  @Test func `a refused body is read past`() throws {
    var parser = HTTPRequestParser()
    parser.append(
      Array(
        "P /1 HTTP/1.1\nExpect: 100-continue\nContent-Length: 4\n\nGETxGET /2 HTTP/1.1\n\n".utf8))
    guard case .expectsContinue = try parser.next() else {
      Issue.record("no expectation")
      return
    }
    parser.discardBody()
    guard case .request(let request) = try parser.next() else {
      Issue.record("no request")
      return
    }
    #expect(request.message.target == Array("/2".utf8))
  }

  @Test func `bytes that are no UTF-8 are kept as Latin-1`() {
    let sent = Array("GET / HTTP/1.1\nA: ".utf8) + [0xE9] + Array("\n\n".utf8)
    #expect(parse([sent]) == Parsed(requests: ["GET / [A=é] "]))
  }
}
