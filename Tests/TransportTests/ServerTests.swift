import Testing

@testable import Transport

private func text(_ request: ServerRequest) -> String {
  "\(request.method) \(String(decoding: request.target, as: UTF8.self)) "
    + "\(String(decoding: request.body, as: UTF8.self))"
}

private let echo: HTTPServer.Handler = { request in ServerAnswer(body: Array(text(request).utf8)) }

private func chunked(_ body: String) -> String {
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
}

@Suite struct ServerTests {
  @Test func `keeps the connection and answers in order, pipelined too`() async throws {
    let server = try HTTPServer.start(handler: echo)
    let client = await SocketClient(port: server.port)
    defer { client.close() }
    let expected = chunked("GET /a%00?x=%zz ") + chunked("POST /b hello") + chunked("get /c ")
    await client.send(
      "GET /a%00?x=%zz HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
    await client.send("loget /c HTTP/1.1\n\n")
    #expect(await client.receive(expected) == expected)
    let again = chunked("PUT /d xy")
    await client.send(
      "PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1\r\ny\r\n0\r\n\r\n")
    #expect(await client.receive(again) == again)
    await server.stop()
    #expect(await client.receiveAll() == ("", .closed))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", chunked("GET / ")),
    ("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nGET / "),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nGET / "),
    ("hello\r\n\r\n", ""),
  ])
  func `closes where the request asks for it`(sent: String, received: String) async throws {
    let server = try HTTPServer.start(handler: echo)
    let client = await SocketClient(port: server.port)
    await client.send(sent)
    #expect(await client.receiveAll() == (received, .closed))
    client.close()
    await server.stop()
  }

  @Test func `a head that is too large gets its answer although more is sent`() async throws {
    let server = try HTTPServer.start(handler: echo)
    let client = await SocketClient(port: server.port)
    let long = String(repeating: "v", count: 300_000)
    await client.send("GET / HTTP/1.1\r\nX: \(long)\r\n\r\n")
    let expected =
      "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBad Request"
    #expect(await client.receiveAll() == (expected, .closed))
    client.close()
    await server.stop()
  }

  static let endings: [(ServerAnswer.Ending, ServerAnswer.Framing, String, SocketClient.End)] = [
    (
      .close, .chunked,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", .closed
    ),
    (.close, .none, "HTTP/1.1 200 OK\r\n\r\n", .closed),
    (
      .cut(afterBodyBytes: 2), .chunked,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", .closed
    ),
    (
      .cut(afterBodyBytes: 9), .chunked,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", .closed
    ),
    (
      .cut(afterBodyBytes: 0), .contentLength, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      .closed
    ),
    (.reset, .chunked, "", .reset),
  ]

  @Test(arguments: endings)
  func `an answer ends as it is told to`(
    ending: ServerAnswer.Ending, framing: ServerAnswer.Framing, received: String,
    end: SocketClient.End
  ) async throws {
    let server = try HTTPServer.start { _ in
      ServerAnswer(body: Array("hello".utf8), framing: framing, ending: ending)
    }
    let client = await SocketClient(port: server.port)
    await client.send("GET / HTTP/1.1\r\n\r\n")
    #expect(await client.receiveAll() == (received, end))
    client.close()
    await server.stop()
  }

  @Test func `silence lasts until the server goes`() async throws {
    let asked = Happening()
    let server = try HTTPServer.start { _ in
      asked.happen()
      return ServerAnswer(ending: .silence)
    }
    let client = await SocketClient(port: server.port)
    await client.send("GET / HTTP/1.1\r\n\r\n")
    await asked.wait()
    await client.send("GET / HTTP/1.1\r\n\r\n")
    await server.stop()
    #expect(await client.receiveAll().text == "")
    client.close()
  }

  @Test func `a client that goes cancels its handler`() async throws {
    let asked = Happening()
    let cancelled = Happening()
    let server = try HTTPServer.start { _ in
      asked.happen()
      await Happening().wait()
      if Task.isCancelled { cancelled.happen() }
      return ServerAnswer()
    }
    let client = await SocketClient(port: server.port)
    await client.send("GET / HTTP/1.1\r\n\r\n")
    await asked.wait()
    client.close()
    await cancelled.wait()
    await server.stop()
  }

  @Test func `stopping cancels handlers and answers nothing more`() async throws {
    let asked = Happening()
    let server = try HTTPServer.start { _ in
      asked.happen()
      await Happening().wait()
      return ServerAnswer()
    }
    let client = await SocketClient(port: server.port)
    await client.send("GET / HTTP/1.1\r\n\r\n")
    await asked.wait()
    await server.stop()
    await server.stop()
    #expect(await client.receiveAll() == ("", .closed))
    client.close()
  }

  @Test func `one connection does not wait for another`() async throws {
    let release = Happening()
    let server = try HTTPServer.start { request in
      if request.target == Array("/slow".utf8) { await release.wait() } else { release.happen() }
      return await echo(request)
    }
    let slow = await SocketClient(port: server.port)
    let fast = await SocketClient(port: server.port)
    await slow.send("GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n")
    await fast.send("GET /fast HTTP/1.1\r\nConnection: close\r\n\r\n")
    #expect(await fast.receiveAll().text == chunked("GET /fast "))
    #expect(await slow.receiveAll().text == chunked("GET /slow "))
    slow.close()
    fast.close()
    await server.stop()
  }

  @Test func `a large body goes in and out whole, also to a slow reader`() async throws {
    let server = try HTTPServer.start { request in
      ServerAnswer(body: request.body, framing: .contentLength)
    }
    let client = await SocketClient(port: server.port, receiveBuffer: 4096)
    let body = (0..<20 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    await client.send(
      "POST / HTTP/1.1\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n")
    await client.send(body)
    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"
    #expect(await client.receive(head) == head)
    let received = await client.receive(body.count)
    #expect(received == body)
    client.close()
    await server.stop()
  }

  @Test func `more than may wait is still answered`() async throws {
    let release = Happening()
    let server = try HTTPServer.start { request in
      if request.target == Array("/first".utf8) { await release.wait() }
      return ServerAnswer(body: Array("\(request.body.count)".utf8))
    }
    let client = await SocketClient(port: server.port)
    let body = String(repeating: "x", count: 5 << 20)
    async let sent: Void = client.send(
      "GET /first HTTP/1.1\r\n\r\nPOST /second HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
    let probe = await SocketClient(port: server.port)
    await probe.send("GET / HTTP/1.1\r\n\r\n")
    #expect(await probe.receive(chunked("0")) == chunked("0"))
    probe.close()
    release.happen()
    await sent
    let expected = chunked("0") + chunked("\(body.utf8.count)")
    #expect(await client.receive(expected) == expected)
    client.close()
    await server.stop()
  }

  @Test func `asks for a body only where the request is not refused`() async throws {
    let server = try HTTPServer.start { request in
      request.headers["Authorization"] == nil ? ServerAnswer(status: 401) : nil
    } handler: {
      await echo($0)
    }
    let client = await SocketClient(port: server.port)
    let refused = "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
    await client.send(head + "\r\n")
    #expect(await client.receive(refused) == refused)
    await client.send("xx")
    await client.send(head + "Authorization: me\r\n\r\n")
    let asked = "HTTP/1.1 100 Continue\r\n\r\n"
    #expect(await client.receive(asked) == asked)
    await client.send("yy")
    #expect(await client.receive(chunked("POST / yy")) == chunked("POST / yy"))
    client.close()
    await server.stop()
  }

  @Test func `a port that is taken is an error`() async throws {
    let server = try HTTPServer.start(handler: echo)
    #expect(throws: ServerError.self) {
      try HTTPServer.start(port: server.port, handler: echo)
    }
    await server.stop()
    let again = try HTTPServer.start(port: server.port, handler: echo)
    #expect(again.port == server.port)
    await again.stop()
  }
}
