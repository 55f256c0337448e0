import Glibc
import Testing

@testable import Transport

/// From the name to the finished upgrade: refusals, limits, cancelling.
@Suite struct WebSocketOpeningTests {
  private static let silence: @Sendable (RawConnection, Int) -> Void = { connection, _ in
    connection.waitForEnd()
  }

  @Test(arguments: [401, 403, 404, 429, 503, 301, 200, 426])
  func `a refusal tells the status`(status: Int) async {
    let server = RawServer { connection, _ in
      _ = connection.readRequest()
      connection.answer("\(status) No", ["Location: /secret"], Array("secret".utf8))
      connection.waitForEnd()
    }
    let error = await WebSocketClient().failure(WebSocketRequest(url: server.webSocketURL))
    #expect(error?.kind == .refused(status: status))
    #expect(
      error?.description
        == "127.0.0.1:\(server.port) refused the WebSocket with HTTP status \(status).")
    #expect(server.accepted == 1, "no redirect is followed")
  }

  @Test(arguments: [
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
  ])
  func `what is not a WebSocket server is said to be none`(answer: String) async {
    let server = RawServer { connection, _ in
      _ = connection.readRequest()
      connection.write(answer)
      connection.waitForEnd()
    }
    let error = await WebSocketClient().failure(WebSocketRequest(url: server.webSocketURL))
    #expect(error?.kind == .other)
    #expect(error?.description.contains("does not speak WebSocket") == true)
  }

  @Test(arguments: ["", "HTTP/1.1 101 Switching Protocols\r\nUpgr"])
  func `a connection that ends within the upgrade is a loss`(answer: String) async {
    let server = RawServer { connection, _ in
      _ = connection.readRequest()
      connection.write(answer)
    }
    let error = await WebSocketClient().failure(WebSocketRequest(url: server.webSocketURL))
    #expect(error?.kind == .lost)
  }

  @Test func `a port where nobody listens cannot be connected to`() async {
    let url = "ws://127.0.0.1:\(RawServer.unusedPort())/?apikey=secret"
    let error = await WebSocketClient().failure(WebSocketRequest(url: url))
    #expect(error?.kind == .cannotConnect)
    #expect(error?.description.contains("refused") == true)
  }

  @Test func `an unusable URL opens nothing`() async {
    let error = await WebSocketClient().failure(WebSocketRequest(url: "http://h/?secret"))
    #expect(error?.kind == .badURL)
  }

  @Test(arguments: ["ws", "wss"])
  func `a server that never answers fails by the connect limit`(scheme: String) async {
    let server = RawServer(Self.silence)
    var request = WebSocketRequest(url: server.url("/?apikey=secret", scheme: scheme))
    request.connectLimit = .milliseconds(200)
    let start = ContinuousClock.now
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .timedOut)
    #expect(start.duration(to: .now) >= .milliseconds(200))
    #expect(start.duration(to: .now) < .seconds(20))
  }

  @Test(.timeLimit(.minutes(2)))
  func `a limit that passes is told every time`() async {
    let server = RawServer(Self.silence)
    let client = WebSocketClient()
    var request = WebSocketRequest(url: server.webSocketURL)
    request.connectLimit = .milliseconds(1)
    for _ in 0..<300 { #expect(await client.failure(request)?.kind == .timedOut) }
  }

  @Test func `a connection that is never accepted fails by the connect limit`() async {
    let hole = BlackHole()
    var request = WebSocketRequest(url: "ws://127.0.0.1:\(hole.port)/?apikey=secret")
    request.connectLimit = .milliseconds(200)
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .timedOut)
    #expect(error?.description.contains("127.0.0.1:\(hole.port)") == true)
    withExtendedLifetime(hole) {}
  }

  @Test func `the connect limit says nothing about the time after`() async throws {
    let server = webSocketServer { $0.echo() }
    var request = WebSocketRequest(url: server.webSocketURL)
    request.connectLimit = .milliseconds(500)
    let socket = try await WebSocketClient().connect(request)
    // The limit of a second attempt, begun after the first had ended, passes.
    let silent = RawServer(Self.silence)
    request.url = silent.webSocketURL
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .timedOut)
    try await socket.send("still here")
    #expect(try await socket.text() == "still here")
  }

  @Test func `a name that is unknown is said to be`() async {
    // Longer than a label may be, so no name server is asked.
    let host = String(repeating: "a", count: 64) + ".invalid"
    let request = WebSocketRequest(url: "ws://\(host)/?apikey=secret")
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .nameNotResolved)
    #expect(error?.description.contains(host) == true)
  }

  @Test func `a name that is not resolved holds up nothing`() async throws {
    let asked = Happening()
    let gate = BlockingQueue<Void>()
    let client = WebSocketClient { host in
      guard host == "stalling.test" else { return [host] }
      asked.happen()
      _ = gate.pop()
      return []
    }
    let server = webSocketServer { $0.echo() }
    let attempt = Task {
      await client.failure(WebSocketRequest(url: "ws://stalling.test/?apikey=secret"))
    }
    await asked.wait()
    let socket = try await client.open(server)
    try await socket.send("while it stalls")
    #expect(try await socket.text() == "while it stalls")
    attempt.cancel()
    #expect(await attempt.value?.kind == .cancelled)
    let limited = WebSocketRequest(
      url: "ws://stalling.test/?apikey=secret", connectLimit: .milliseconds(100))
    #expect(await client.failure(limited)?.kind == .timedOut)
    gate.close()
  }

  @Test func `every address of a name is tried`() async throws {
    let server = webSocketServer { $0.echo() }
    let hole = BlackHole(on: 0x7F00_0002, port: server.port)
    // One that refuses, one that does not even do that.
    let client = WebSocketClient { _ in ["127.0.0.3", "127.0.0.2", "127.0.0.1"] }
    let request = WebSocketRequest(
      url: "ws://named.test:\(server.port)/?apikey=secret", connectLimit: .seconds(2))
    let socket = try await client.connect(request)
    try await socket.send("through")
    #expect(try await socket.text() == "through")
    withExtendedLifetime(hole) {}
    let nowhere = WebSocketClient { _ in ["127.0.0.3", "127.0.0.4"] }
    #expect(await nowhere.failure(request)?.kind == .cannotConnect)
  }

  @Test func `a proxy is asked for the host by its name`() async throws {
    let (requests, arrived) = AsyncStream.makeStream(of: RawRequest.self)
    let proxy = RawServer { connection, _ in
      guard let request = connection.readRequest() else { return }
      arrived.yield(request)
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      WebSocketPeer(connection)?.echo()
    }
    let client = WebSocketClient(proxy: "http://user:word@proxy.test:\(proxy.port)")
    let socket = try await client.connect(WebSocketRequest(url: "ws://db.test:4000/socket"))
    try await socket.send("through")
    #expect(try await socket.text() == "through")
    var iterator = requests.makeAsyncIterator()
    let request = await iterator.next()
    #expect(request?.method == "CONNECT" && request?.path == "db.test:4000")
    #expect(request?.headers["proxy-authorization"] == "basic dXNlcjp3b3Jk")
  }

  @Test func `a proxy that refuses is told from the server`() async {
    let proxy = RawServer { connection, _ in
      _ = connection.readRequest()
      connection.answer("407 No")
    }
    let client = WebSocketClient(proxy: "http://proxy.test:\(proxy.port)")
    let error = await client.failure(WebSocketRequest(url: "ws://db.test/?apikey=secret"))
    #expect(error?.kind == .cannotConnect)
    #expect(error?.description.contains("proxy before db.test") == true)
  }

  @Test func `an attempt that hangs holds up nothing and can be cancelled`() async throws {
    let client = WebSocketClient()
    let hole = BlackHole()
    let server = webSocketServer { $0.echo() }
    let request = WebSocketRequest(url: "ws://127.0.0.1:\(hole.port)/?apikey=secret")
    let attempt = Task { await client.failure(request) }
    let socket = try await client.open(server)
    try await socket.send("while it hangs")
    #expect(try await socket.text() == "while it hangs")
    attempt.cancel()
    #expect(await attempt.value?.kind == .cancelled)
    withExtendedLifetime(hole) {}
  }

  @Test(arguments: ["", "HTTP/1.1 101 Switching Protocols\r\nUpgr"])
  func `cancelling ends an attempt at once`(begun: String) async throws {
    let (events, event) = AsyncStream.makeStream(of: Bool.self)
    let server = RawServer { connection, _ in
      _ = connection.readRequest()
      connection.write(begun)
      event.yield(true)
      connection.waitForEnd()
      event.yield(false)
    }
    let attempt = Task {
      await WebSocketClient().failure(WebSocketRequest(url: server.webSocketURL))
    }
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == true)
    attempt.cancel()
    #expect(await attempt.value?.kind == .cancelled)
    #expect(await iterator.next() == false, "the server sees the connection go")
  }

  @Test func `a task cancelled before connects to nothing`() async {
    let server = RawServer(Self.silence)
    let attempt = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return await WebSocketClient().failure(WebSocketRequest(url: server.webSocketURL))
    }
    #expect(await attempt.value?.kind == .cancelled)
    #expect(server.accepted == 0)
  }

  @Test func `cancelling at any moment leaves no connection behind`() async {
    let open = Locked(0)
    let (changes, changed) = AsyncStream.makeStream(of: Void.self)
    let server = RawServer { connection, _ in
      open.withLock { $0 += 1 }
      WebSocketPeer(connection)?.echo()
      open.withLock { $0 -= 1 }
      changed.yield()
    }
    let client = WebSocketClient()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 {
        group.addTask {
          let task = Task { try await client.open(server) }
          await Task.yield()
          task.cancel()
          _ = await task.result
        }
      }
    }
    changed.yield()
    for await _ in changes where open.withLock({ $0 }) == 0 { break }
  }
}

/// Listens, but never accepts, and its queue is full: a packet to it is not even refused.
private final class BlackHole: Sendable {
  let port: UInt16
  private let sockets: [Int32]

  init(on host: UInt32 = 0x7F00_0001, port: UInt16 = 0) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = host.bigEndian
    address.sin_port = port.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var sockets = [listener]
    unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(unsafe bind(listener, address, length) == 0)
        precondition(listen(listener, 0) == 0)
        precondition(unsafe getsockname(listener, address, &length) == 0)
        for _ in 0..<4 {
          let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
          let filler = socket(AF_INET, type, 0)
          _ = unsafe connect(filler, address, length)
          sockets.append(filler)
        }
      }
    }
    self.port = UInt16(bigEndian: address.sin_port)
    self.sockets = sockets
  }

  deinit { for socket in sockets { close(socket) } }
}

extension WebSocketClient {
  /// With a proxy in the environment, and every name that of this machine.
  fileprivate convenience init(proxy: String) {
    self.init(["http_proxy": proxy]) { _ in ["127.0.0.1"] }
  }
}
