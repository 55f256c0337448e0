import Testing

@testable import Transport

/// Slow receivers, slow servers, and what becomes of a WebSocket that nobody holds any more.
@Suite struct WebSocketPressureTests {
  private typealias Peer = WebSocketPeer

  @Test(arguments: [(100, 200_000), (256 << 10, 400)])
  func `a server cannot push more than a bound while nobody receives`(
    size: Int, count: Int
  ) async throws {
    let (stalls, stalled) = AsyncStream.makeStream(of: Int.self)
    let server = webSocketServer { peer in
      let body = String(repeating: "x", count: size)
      for number in 0..<count {
        let bytes = Peer.text("\(number) \(body)")
        let pushed = number * bytes.count
        guard
          peer.connection.write(
            bytes, stalledFor: .milliseconds(500), { stalled.yield(pushed) })
        else { return }
      }
      peer.write(Peer.close(1000))
      stalled.yield(.max)
      peer.connection.waitForEnd()
    }
    let socket = try await WebSocketClient().open(server)
    var iterator = stalls.makeAsyncIterator()
    let pushed = try #require(await iterator.next())
    // The system's buffers on both sides take the greater part.
    let bound = 24 << 20
    #expect(pushed < min(bound, size * count))
    for number in 0..<count {
      guard try await socket.text().hasPrefix("\(number) ") else {
        Issue.record("message \(number) is missing")
        return
      }
    }
    #expect(await socket.ending()?.kind == .closed(code: 1000))
  }

  @Test func `reading pauses by number and by bytes`() {
    var queue = MessageQueue()
    for _ in 0..<64 {
      #expect(queue.hasRoom)
      queue.append(.text([1]))
    }
    #expect(!queue.hasRoom)
    #expect(queue.removeFirst() == .text([1]))
    #expect(queue.hasRoom)
    let large = WebSocketMessage.binary([UInt8](repeating: 0, count: 8 << 20))
    queue.append(large)
    #expect(!queue.hasRoom)
    for _ in 0..<63 { #expect(queue.removeFirst() == .text([1])) }
    #expect(!queue.hasRoom)
    #expect(queue.removeFirst() == large)
    #expect(queue.hasRoom)
    #expect(queue.removeFirst() == nil)
  }

  @Test func `cancelling ends a receive and loses no message`() async throws {
    let server = webSocketServer { $0.echo() }
    let socket = try await WebSocketClient().open(server)
    for number in 0..<200 {
      let task = Task { try? await socket.text() }
      if number % 2 == 0 { await Task.yield() }
      try await socket.send("\(number)")
      task.cancel()
      guard let text = await task.value else {
        #expect(try await socket.text() == "\(number)")
        continue
      }
      #expect(text == "\(number)")
    }
    let task = Task { await socket.ending() }
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
  }

  @Test func `a send that the server does not take can be cancelled`() async throws {
    let (frames, seen) = AsyncStream.makeStream(of: Peer.Frame?.self)
    let gate = BlockingQueue<Void>()
    let server = webSocketServer { peer in
      peer.write(Peer.text("begun"))
      _ = gate.pop()
      for _ in 0..<2 { seen.yield(peer.readFrame()) }
      peer.connection.waitForEnd()
    }
    let socket = try await WebSocketClient().open(server)
    let large = [UInt8](repeating: 65, count: 64 << 20)
    let first = Task { try await socket.send(large) }
    // Messages go in order of the calls: once the first is under way, the second waits behind it.
    #expect(try await socket.text() == "begun")
    let second = Task { try await socket.send("never") }
    await Task.yield()
    second.cancel()
    let unsent = await #expect(throws: WebSocketError.self) { try await second.value }
    #expect(unsent?.kind == .cancelled)
    first.cancel()
    let cut = await #expect(throws: WebSocketError.self) { try await first.value }
    #expect(cut?.kind == .cancelled)
    gate.close()
    try await socket.send("after")
    var iterator = frames.makeAsyncIterator()
    #expect(await iterator.next()??.payload.count == large.count, "what has begun goes out whole")
    #expect(await iterator.next()??.payload == Array("after".utf8))
  }

  @Test func `a WebSocket that is let go ends its connection`() async throws {
    let (ends, ended) = AsyncStream.makeStream(of: Void.self)
    let server = webSocketServer { peer in
      peer.connection.waitForEnd()
      ended.yield()
    }
    weak var socket: ClientWebSocket?
    do {
      let open = try await WebSocketClient().open(server)
      socket = open as? ClientWebSocket
      #expect(socket != nil)
    }
    for await _ in ends { break }
    #expect(socket == nil)
  }

  @Test func `closing the client ends every WebSocket`() async throws {
    let (ends, ended) = AsyncStream.makeStream(of: Void.self)
    let server = webSocketServer { peer in
      peer.connection.waitForEnd()
      ended.yield()
    }
    let client = WebSocketClient()
    let sockets = [try await client.open(server), try await client.open(server)]
    let receiving = Task { await sockets[0].ending() }
    await client.close()
    #expect(await receiving.value?.kind == .cancelled)
    #expect(await sockets[1].ending()?.kind == .cancelled)
    var iterator = ends.makeAsyncIterator()
    for _ in sockets { await iterator.next() }
    let error = await client.failure(WebSocketRequest(url: server.webSocketURL))
    #expect(error?.kind == .cancelled)
  }
}
