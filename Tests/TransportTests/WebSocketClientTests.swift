import Testing

@testable import Transport

/// Messages, pings and ends of a WebSocket that is open.
@Suite struct WebSocketClientTests {
  private typealias Peer = WebSocketPeer

  @Test func `the request is what a server expects`() async throws {
    let (requests, arrived) = AsyncStream.makeStream(of: RawRequest.self)
    let server = webSocketServer { peer in
      arrived.yield(peer.request)
      peer.echo()
    }
    var request = WebSocketRequest(url: server.webSocketURL)
    request.headers = [HTTPHeader("x-api-key", "abc")]
    let socket = try await WebSocketClient().connect(request)
    var iterator = requests.makeAsyncIterator()
    let seen = try #require(await iterator.next())
    #expect(seen.method == "GET")
    #expect(seen.path == "/socket/websocket?apikey=secret&vsn=2.0.0")
    #expect(seen.headers["host"] == "127.0.0.1:\(server.port)")
    #expect(seen.headers["x-api-key"] == "abc")
    #expect(seen.headers["user-agent"] == "supamirror")
    #expect(seen.headers["sec-websocket-version"] == "13")
    for name in ["origin", "sec-websocket-extensions", "sec-websocket-protocol"] {
      #expect(seen.headers[name] == nil)
    }
    await socket.close(code: 1000)
  }

  @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 200_000, 5_000_000])
  func `a text comes back as it went`(size: Int) async throws {
    let server = webSocketServer { $0.echo() }
    let socket = try await WebSocketClient().open(server)
    let text = (0..<size).map { UInt8(97 + $0 % 26) }
    try await socket.send(text)
    #expect(try await socket.receive() == .text(text))
  }

  @Test func `texts go out and come in in order`() async throws {
    let server = webSocketServer { $0.echo() }
    let socket = try await WebSocketClient().open(server)
    async let sent: Void = {
      for number in 0..<2_000 { try await socket.send("\(number)") }
    }()
    for number in 0..<2_000 { #expect(try await socket.text() == "\(number)") }
    try await sent
  }

  @Test func `fragments are put together and the pings between them answered`() async throws {
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame.self)
    let server = webSocketServer { peer in
      peer.write(Peer.frame(1, Array("fr".utf8), isFinal: false))
      peer.write(Peer.frame(9, [1, 2, 3]))
      if let pong = peer.readFrame() { seen.yield(pong) }
      peer.write(Peer.frame(0, Array("ag".utf8), isFinal: false))
      peer.write(Peer.frame(9))
      if let pong = peer.readFrame() { seen.yield(pong) }
      peer.write(Peer.frame(0, Array("ment".utf8)))
      peer.connection.waitForEnd()
    }
    let socket = try await WebSocketClient().open(server)
    #expect(try await socket.text() == "fragment")
    var iterator = frames.makeAsyncIterator()
    #expect(await iterator.next() == Peer.Frame(opcode: 10, payload: [1, 2, 3], isMasked: true))
    #expect(await iterator.next() == Peer.Frame(opcode: 10, payload: [], isMasked: true))
  }

  @Test func `frames that come with the agreement are not lost`() async throws {
    let server = RawServer { connection, _ in
      guard let request = connection.readRequest() else { return }
      connection.write(Array(Peer.agreement(to: request).utf8) + Peer.text("early"))
      connection.waitForEnd()
    }
    #expect(try await WebSocketClient().open(server).text() == "early")
  }

  @Test(arguments: [1000, 1001, 4000, 1002, nil])
  func `the server's close code is told after its last messages`(code: Int?) async throws {
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame?.self)
    let server = webSocketServer { peer in
      peer.write(Peer.text("one") + Peer.text("two") + Peer.close(code))
      seen.yield(peer.readFrame())
    }
    let socket = try await WebSocketClient().open(server)
    var iterator = frames.makeAsyncIterator()
    let answer = try #require(await iterator.next() ?? nil)
    #expect(answer.opcode == 8 && answer.isMasked)
    #expect(answer.closeCode == code)
    #expect(try await socket.text() == "one")
    #expect(try await socket.text() == "two")
    let end = await socket.ending()
    #expect(end?.kind == .closed(code: code))
    #expect(end?.description.contains("127.0.0.1") == true)
    let error = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
    #expect(error?.kind == .closed(code: code))
    await socket.close(code: 1000)
  }

  // libwebsockets makes 1002 of them, so this is all that can be told.
  @Test(arguments: [1012, 1013, 1014])
  func `a restart is told as 1002, and said to be possible`(code: Int) async throws {
    let server = webSocketServer { peer in
      peer.write(Peer.close(code))
      peer.connection.waitForEnd()
    }
    let end = await (try WebSocketClient().open(server)).ending()
    #expect(end?.kind == .closed(code: 1002))
    #expect(end?.description.contains("1002, or 1012 to 1014") == true)
  }

  @Test func `the words of a close frame are never shown`() async throws {
    let server = webSocketServer { peer in
      peer.write(Peer.frame(8, [3, 0xE8] + Array("secret".utf8)))
      peer.connection.waitForEnd()
    }
    #expect(await (try WebSocketClient().open(server)).ending()?.kind == .closed(code: 1000))
  }

  @Test(
    arguments: [
      [], Peer.text("half").dropLast(2), Peer.frame(1, [65], isFinal: false),
    ] as [[UInt8]])
  func `an end without a close frame is a loss`(bytes: [UInt8]) async throws {
    for isReset in [false, true] {
      let server = webSocketServer { peer in
        peer.write(Peer.text("whole"))
        peer.write(bytes)
        // The client has what came before an RST only if it has read it.
        if isReset { _ = peer.readFrame() }
        if isReset { peer.connection.resetAtEnd() }
      }
      let socket = try await WebSocketClient().open(server)
      #expect(try await socket.text() == "whole")
      if isReset { try await socket.send("go") }
      #expect(await socket.ending()?.kind == .lost)
      let error = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
      #expect(error?.kind == .lost)
    }
  }

  @Test(arguments: [true, false])
  func `a message over the limit ends the connection before it is held`(
    isWhole: Bool
  ) async throws {
    let part = [UInt8](repeating: 65, count: 600)
    let bytes =
      isWhole
      ? [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0] + [UInt8](repeating: 65, count: 64 << 10)
      : Peer.frame(1, part, isFinal: false) + Peer.frame(0, part)
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame?.self)
    let server = webSocketServer { peer in
      peer.write(Peer.text("small"))
      peer.write(bytes)
      seen.yield(peer.readFrame())
    }
    var request = WebSocketRequest(url: server.webSocketURL)
    request.maximumMessageBytes = 1_000
    let socket = try await WebSocketClient().connect(request)
    #expect(try await socket.text() == "small")
    let end = await socket.ending()
    #expect(end?.kind == .tooLarge)
    #expect(end?.description.contains("1000 bytes") == true)
    var iterator = frames.makeAsyncIterator()
    #expect(await iterator.next()??.closeCode == 1009)
  }

  @Test func `a broken protocol is said and ends the connection`() async throws {
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame?.self)
    let server = webSocketServer { peer in
      peer.write(Peer.frame(1, [0xFF]))
      seen.yield(peer.readFrame())
    }
    let end = await (try WebSocketClient().open(server)).ending()
    #expect(end?.kind == .other)
    #expect(end?.description.contains("UTF-8") == true)
    var iterator = frames.makeAsyncIterator()
    #expect(await iterator.next()??.closeCode == 1007)
  }

  @Test func `closing sends what was sent before, the code, and waits for the answer`() async throws
  {
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame?.self)
    let server = webSocketServer { peer in
      for _ in 0..<2 { seen.yield(peer.readFrame()) }
      // Messages that cross the close frame are of no use any more.
      peer.write(Peer.text("crossing") + Peer.close(1001))
      peer.connection.waitForEnd()
      seen.yield(nil)
    }
    let socket = try await WebSocketClient().open(server)
    try await socket.send("last")
    let receiving = Task { await socket.ending() }
    await socket.close(code: 1001)
    await socket.close(code: 1000)
    var iterator = frames.makeAsyncIterator()
    #expect(await iterator.next()??.payload == Array("last".utf8))
    #expect(await iterator.next()??.closeCode == 1001)
    #expect(await iterator.next() == .some(nil), "the connection is gone")
    #expect(await receiving.value?.kind == .closed(code: 1001))
    #expect(await socket.ending()?.kind == .closed(code: 1001))
  }

  @Test func `closing does not wait for ever for a server that does not answer`() async throws {
    let (ends, ended) = AsyncStream.makeStream(of: Void.self)
    let server = webSocketServer { peer in
      peer.connection.waitForEnd()
      ended.yield()
    }
    let socket = try await WebSocketClient().open(server)
    let start = ContinuousClock.now
    await socket.close(code: 1000)
    #expect(start.duration(to: .now) < .seconds(20))
    for await _ in ends { break }
  }

  @Test func `only one task receives`() async throws {
    let server = webSocketServer { $0.echo() }
    let socket = try await WebSocketClient().open(server)
    let (kinds, failed) = AsyncStream.makeStream(of: WebSocketError.Kind.self)
    let tasks = (0..<2).map { _ in
      Task {
        do throws(WebSocketError) { _ = try await socket.receive() } catch {
          failed.yield(error.kind)
        }
      }
    }
    var iterator = kinds.makeAsyncIterator()
    #expect(await iterator.next() == .other)
    try await socket.send("go")
    for task in tasks { await task.value }
  }
}
