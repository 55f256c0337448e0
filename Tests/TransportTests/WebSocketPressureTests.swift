import Glibc
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

  @Test func `cancelling ends a receive that waits`() async throws {
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
    #expect(await iterator.next() == .other, "one is told that the other waits")
    for task in tasks { task.cancel() }
    #expect(await iterator.next() == .cancelled)
    try await socket.send("go on")
    #expect(try await socket.text() == "go on")
  }

  @Test func `cancelling a receive loses no message`() async throws {
    let server = webSocketServer { $0.echo() }
    let socket = try await WebSocketClient().open(server)
    for number in 0..<200 {
      let task = Task { try await socket.text() }
      for _ in 0..<number % 8 { await Task.yield() }
      if number % 3 == 0 { task.cancel() }
      try await socket.send("\(number)")
      task.cancel()
      switch await task.result {
      case .success(let text):
        #expect(text == "\(number)")
      case .failure(let error):
        #expect((error as? WebSocketError)?.kind == .cancelled)
        #expect(try await socket.text() == "\(number)")
      }
    }
  }

  @Test func `a send that the server does not take can be cancelled`() async throws {
    let (events, event) = AsyncStream.makeStream(of: Int?.self)
    let gate = BlockingQueue<Void>()
    let size = 64 << 20
    let server = webSocketServer { peer in
      event.yield(peer.connection.read(14)?.count)
      _ = gate.pop()
      event.yield(peer.connection.read(size)?.count)
      event.yield(peer.readFrame()?.payload.count)
      peer.connection.waitForEnd()
    }
    let socket = try await WebSocketClient().open(server)
    let first = Task { try await socket.send([UInt8](repeating: 65, count: size)) }
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == 14, "it has begun to go out")
    for number in 0..<100 {
      let next = Task { try await socket.send("never") }
      for _ in 0..<number % 8 { await Task.yield() }
      next.cancel()
      let error = await #expect(throws: WebSocketError.self) { try await next.value }
      #expect(error?.kind == .cancelled)
    }
    first.cancel()
    let error = await #expect(throws: WebSocketError.self) { try await first.value }
    #expect(error?.kind == .cancelled)
    gate.close()
    try await socket.send("after all")
    #expect(await iterator.next() == size, "what has begun goes out whole")
    #expect(await iterator.next() == "after all".utf8.count, "and nothing between")
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

  @Test(.timeLimit(.minutes(2)))
  func `threads and descriptors are given back`() async {
    // In a process of its own, where nobody else opens any.
    await #expect(processExitsWith: .success) {
      let server = webSocketServer { $0.echo() }
      let client = WebSocketClient()
      func exchange(_ count: Int) async throws {
        for _ in 0..<count {
          let socket = try await client.open(server)
          try await socket.send("x")
          _ = try await socket.text()
          await socket.close(code: 1000)
        }
      }
      // The first ones set up what stays.
      try await exchange(5)
      let (descriptors, threads) = (entries("/proc/self/fd"), entries("/proc/self/task"))
      try await exchange(40)
      // The server's end, and a thread's, may come a little later.
      while entries("/proc/self/fd") > descriptors + 4 || entries("/proc/self/task") > threads + 4 {
        await Task.yield()
      }
    }
  }
}

/// How many there are in a folder.
private func entries(_ path: String) -> Int {
  guard let folder = unsafe opendir(path) else { return 0 }
  defer { unsafe closedir(folder) }
  var count = 0
  while unsafe readdir(folder) != nil { count += 1 }
  return count
}
