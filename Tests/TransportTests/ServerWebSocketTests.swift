import Testing

@testable import Transport

private let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
private let version = "Sec-WebSocket-Version: 13\r\n"
private let upgrade = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
private let opening = "GET /socket HTTP/1.1\r\nHost: x\r\n\(upgrade)\(key)\(version)\r\n"
private let opened =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: Cowboy\r\n\r\n"

private typealias Session = @Sendable (ServerWebSocket) async -> Void

private func start(
  limits: ServerWebSocketLimits = ServerWebSocketLimits(), _ session: @escaping Session
) throws -> HTTPServer {
  try HTTPServer.start(
    upgrade: { request in
      switch String(decoding: request.target, as: UTF8.self) {
      case "/none": nil
      case "/refused": .refuse(ServerAnswer(status: 403, framing: .contentLength))
      default:
        .accept(headers: [HTTPHeader("Server", "Cowboy")], limits: limits, session: session)
      }
    },
    handler: { _ in ServerAnswer(status: 404, framing: .contentLength) })
}

private func connect(_ server: HTTPServer, receiveBuffer: Int32? = nil) async -> SocketClient {
  let client = await SocketClient(port: server.port, receiveBuffer: receiveBuffer)
  await client.send(opening)
  #expect(await client.receive(opened) == opened)
  return client
}

/// Answers every message with itself.
private let echo: Session = { socket in
  while let message = await socket.receive() {
    switch message {
    case .text(let bytes): socket.send(bytes)
    case .binary(let bytes): socket.send(binary: bytes)
    }
  }
}

/// What a session found, told once.
private final class Found<Value: Sendable>: Sendable {
  let value = Locked<Value?>(nil)
  let happening = Happening()

  func tell(_ value: Value) {
    self.value.withLock { $0 = value }
    happening.happen()
  }

  func get() async -> Value? {
    await happening.wait()
    return value.withLock { $0 }
  }
}

@Suite struct ServerWebSocketTests {
  @Test func `messages go in and out whole and in order`() async throws {
    let server = try start(echo)
    let client = await connect(server)
    let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let expected =
      [0x81, 5] + Array("hello".utf8)
      + ServerFrame.head(.binary, payloadBytes: large.count).map {
        $0 == 0x81 ? 0x82 : $0
      } + large + [0x81, 1, 0x62]
    async let sent: Void = client.send(
      clientText("hel", isFinal: false) + clientFrame(0, Array("lo".utf8)) + clientFrame(2, large)
        + clientText("b"))
    let received = await client.receive(expected.count)
    #expect(received == expected)
    await sent
    await client.send(clientFrame(8, [0x03, 0xE8]))
    #expect(await client.receive(4) == [0x88, 2, 0x03, 0xE8])
    #expect(await client.receiveAll() == ("", .closed))
    client.close()
    await server.stop()
  }

  @Test func `frames that come with the request are not lost`() async throws {
    let server = try start(echo)
    let client = await SocketClient(port: server.port)
    await client.send(Array(opening.utf8) + clientText("early"))
    #expect(await client.receive(opened) == opened)
    #expect(await client.receive(7) == [0x81, 5] + Array("early".utf8))
    client.close()
    await server.stop()
  }

  @Test(arguments: [
    ("GET /none HTTP/1.1\r\n\(upgrade)\(key)\(version)\r\n", 404),
    ("GET /refused HTTP/1.1\r\n\(upgrade)\(key)\(version)\r\n", 403),
    ("GET /socket HTTP/1.1\r\n\(key)\(version)\r\n", 404),
    ("GET /socket HTTP/1.1\r\nUpgrade: h2c\r\n\(key)\(version)\r\n", 404),
    ("POST /socket HTTP/1.1\r\n\(upgrade)\(key)\(version)\r\n", 404),
    ("GET /socket HTTP/1.1\r\n\(upgrade)\(version)\r\n", 400),
    ("GET /socket HTTP/1.1\r\nUpgrade: websocket\r\n\(key)\(version)\r\n", 400),
    ("GET /socket HTTP/1.1\r\n\(upgrade)\(key)Sec-WebSocket-Version: 8\r\n\r\n", 426),
    ("GET /socket HTTP/1.0\r\n\(upgrade)\(key)\(version)\r\n", 400),
  ])
  func `a request that is not accepted gets an ordinary answer`(
    request: String, status: Int
  ) async throws {
    let server = try start(echo)
    let client = await SocketClient(port: server.port)
    await client.send(request)
    let head = "HTTP/1.\(request.contains("HTTP/1.0") ? 0 : 1) \(status) "
    #expect(await client.receive(head) == head)
    client.close()
    await server.stop()
  }

  @Test(
    arguments: [
      (clientFrame(3, []), 1002), (clientFrame(1, [0xFF]), 1007),
      (clientFrame(1, [], length: [127, 0, 0, 0, 0, 0, 0x4C, 0x4B, 0x41]), 1009),
    ] as [([UInt8], Int)])
  func `a client that breaks the rules is closed with the code`(
    bytes: [UInt8], code: Int
  ) async throws {
    let found = Found<ServerWebSocketEnd?>()
    let server = try start { socket in
      while await socket.receive() != nil {}
      found.tell(socket.end)
    }
    let client = await connect(server)
    await client.send(bytes)
    #expect(await client.receive(4) == [0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)])
    #expect(await client.receiveAll() == ("", .closed))
    #expect(await found.get() == .closedByServer(code: code))
    client.close()
    await server.stop()
  }

  @Test func `a session that returns closes with 1000`() async throws {
    let server = try start { $0.send(Array("bye".utf8)) }
    let client = await connect(server)
    #expect(await client.receive(9) == [0x81, 3] + Array("bye".utf8) + [0x88, 2, 0x03, 0xE8])
    #expect(await client.receiveAll() == ("", .closed))
    client.close()
    await server.stop()
  }

  @Test func `a session closes with a code and a reason, and sends nothing after`() async throws {
    let server = try start { socket in
      socket.close(code: 4001, reason: "no")
      if socket.send([0x61]) { Issue.record("sent after the close") }
      #expect(await socket.receive() == nil)
    }
    let client = await connect(server)
    #expect(await client.receive(6) == [0x88, 4, 0x0F, 0xA1, 0x6E, 0x6F])
    #expect(await client.receiveAll() == ("", .closed))
    client.close()
    await server.stop()
  }

  @Test func `a reset reaches a client that takes nothing`() async throws {
    let reset = Happening()
    let server = try start { socket in
      socket.send(binary: [UInt8](repeating: 1, count: 20 << 20))
      // It comes when the queue has begun to go out.
      _ = await socket.receive()
      #expect(socket.queuedBytes > 1 << 20)
      socket.reset()
      #expect(socket.queuedBytes == 0)
      #expect(socket.end == .reset)
      reset.happen()
    }
    let client = await connect(server, receiveBuffer: 4096)
    await client.send(clientText("now"))
    await reset.wait()
    #expect(await client.receiveAll().end == .reset)
    client.close()
    await server.stop()
  }

  @Test func `a client that goes cancels the session, and what it sent is had before`() async throws
  {
    let goes = Happening()
    let found = Found<([WebSocketMessage], ServerWebSocketEnd?, Bool)>()
    let server = try start { socket in
      await goes.wait()
      // Only the end of the connection ends this.
      await Happening().wait()
      var messages: [WebSocketMessage] = []
      while let message = await socket.receive() { messages.append(message) }
      found.tell((messages, socket.end, Task.isCancelled))
    }
    let client = await connect(server)
    await client.send(clientText("1") + clientText("2"))
    client.close()
    goes.happen()
    let (messages, end, isCancelled) = try #require(await found.get())
    #expect(messages == [.text([0x31]), .text([0x32])])
    #expect(end == .lost)
    #expect(isCancelled)
    await server.stop()
  }

  @Test func `a slow session slows its client down and loses nothing`() async throws {
    let count = 500
    let begins = Happening()
    let found = Found<Int>()
    let isFirst = Locked(true)
    let server = try start(limits: ServerWebSocketLimits(waitingMessages: 3)) { socket in
      guard
        isFirst.withLock({ first in
          defer { first = false }
          return first
        })
      else { return }
      await begins.wait()
      #expect(socket.framesReceived == 3)
      #expect(socket.heldBytes <= 1 << 20)
      for index in 0..<count {
        let message = await socket.receive()
        guard message == .text(Array("\(index)".utf8) + [UInt8](repeating: 0x20, count: 5000))
        else { return found.tell(index) }
      }
      found.tell(count)
    }
    let client = await connect(server)
    let frames = (0..<count).flatMap {
      clientFrame(1, Array("\($0)".utf8) + [UInt8](repeating: 0x20, count: 5000))
    }
    async let sent: Void = client.send(frames)
    // Each time round, the server would read a piece of what is sent.
    for _ in 0..<20 {
      let probe = await connect(server)
      probe.close()
    }
    begins.happen()
    #expect(await found.get() == count)
    await sent
    client.close()
    await server.stop()
  }

  @Test func `pings are answered and seen`() async throws {
    let began = Happening()
    let asked = Happening()
    let found = Found<(frames: Int, isLater: Bool)>()
    let server = try start { socket in
      let start = socket.lastInbound
      began.happen()
      await asked.wait()
      found.tell((socket.framesReceived, socket.lastInbound > start))
    }
    let client = await connect(server)
    await began.wait()
    await client.send(clientFrame(9, [7]))
    #expect(await client.receive(3) == [0x8A, 1, 7])
    asked.happen()
    let (frames, isLater) = try #require(await found.get())
    #expect(frames == 1)
    #expect(isLater)
    client.close()
    await server.stop()
  }

  @Test(arguments: [nil, 1012])
  func `stopping ends sessions, with a close frame where one is wanted`(code: Int?) async throws {
    let began = Happening()
    let found = Found<ServerWebSocketEnd?>()
    let server = try start { socket in
      began.happen()
      #expect(await socket.receive() == nil)
      #expect(Task.isCancelled || socket.end != nil)
      found.tell(socket.end)
    }
    let client = await connect(server)
    await began.wait()
    async let stopped: Void = server.stop(closing: code)
    let expected: [UInt8] = code == nil ? [] : [0x88, 2, 0x03, 0xF4]
    #expect(await client.receive(4) == expected)
    #expect(await client.receiveAll() == ("", .closed))
    client.close()
    await stopped
    #expect(await found.get() == (code == nil ? .lost : .closedByServer(code: code)))
  }

  @Test func `a cancelled wait for a message ends, and the next one gets it`() async throws {
    let cancelled = Happening()
    let server = try start { socket in
      let waiting = Task { await socket.receive() }
      waiting.cancel()
      #expect(await waiting.value == nil)
      cancelled.happen()
      #expect(await socket.receive() == .text([0x61]))
    }
    let client = await connect(server)
    await cancelled.wait()
    await client.send(clientText("a"))
    #expect(await client.receive(4) == [0x88, 2, 0x03, 0xE8])
    client.close()
    await server.stop()
  }
}
