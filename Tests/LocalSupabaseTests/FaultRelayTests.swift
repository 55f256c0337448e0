import Glibc
import Testing
import Transport

@testable import LocalSupabase

private let request = "GET / HTTP/1.1\r\n\r\n"
private let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/// A server that answers `hi`, and how many requests it has heard.
private final class Upstream: Sendable {
  let server: HTTPServer
  private let heard: Locked<Int>

  init() throws {
    let heard = Locked(0)
    self.heard = heard
    server = try HTTPServer.start { request in
      if request.body.isEmpty { heard.withLock { $0 += 1 } }
      let body = request.body.isEmpty ? Array("hi".utf8) : request.body
      return ServerAnswer(body: body, framing: .contentLength)
    }
  }

  var requestsHeard: Int { heard.withLock { $0 } }
}

private func withRelay(
  mode: FaultRelay.Mode = .pass, _ body: (FaultRelay, Upstream) async throws -> Void
) async throws {
  let upstream = try Upstream()
  let relay = try FaultRelay.start(hostPort: upstream.server.port, mode: mode)
  try await body(relay, upstream)
  await relay.stop()
  await upstream.server.stop()
}

private func ask(_ client: SocketClient) async {
  await client.send(request)
  #expect(await client.receive(answer) == answer)
}

/// Returns when what a client sent before would have passed the relay and reached the server, and the answer would
/// have come back: the relay's one thread and the server's take what comes in turns.
private func settle(_ relay: FaultRelay, _ serverPort: Int? = nil) async {
  for _ in 0..<3 {
    _ = await relay.openConnections
    guard let serverPort else { continue }
    let direct = await SocketClient(port: serverPort)
    await direct.send("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    #expect(await direct.receive(answer) == answer)
    direct.close()
  }
  _ = await relay.openConnections
}

@Suite struct FaultRelayTests {
  @Test func `bytes pass both ways, however many`() async throws {
    try await withRelay { relay, _ in
      let client = await SocketClient(port: relay.port, receiveBuffer: 4096)
      let body = (0..<5 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      async let sent: Void = client.send(
        Array("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
          + body)
      let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"
      #expect(await client.receive(head) == head)
      let received = await client.receive(body.count)
      #expect(received == body)
      await sent
      // The server's end is the client's end.
      #expect(await client.receiveAll() == ("", .closed))
      client.close()
      #expect(relay.connectionsSeen == 1)
    }
  }

  @Test func `the end of a client reaches the server`() async throws {
    let gone = Happening()
    let asked = Happening()
    let server = try HTTPServer.start { _ in
      asked.happen()
      await Happening().wait()
      gone.happen()
      return ServerAnswer()
    }
    let relay = try FaultRelay.start(hostPort: server.port)
    let client = await SocketClient(port: relay.port)
    await client.send(request)
    await asked.wait()
    client.close()
    await gone.wait()
    await relay.stop()
    await server.stop()
  }

  @Test func `a black hole holds everything back, and lets it go when it ends`() async throws {
    try await withRelay { relay, upstream in
      let client = await SocketClient(port: relay.port)
      await ask(client)
      await relay.setMode(.blackHole)
      await client.send(request)
      let late = await SocketClient(port: relay.port)
      await late.send(request)
      try await relay.waitForConnection(2)
      await settle(relay, upstream.server.port)
      #expect(await relay.openConnections == 2)
      #expect(!client.hasInput)
      #expect(!late.hasInput)
      #expect(upstream.requestsHeard == 1)
      await relay.setMode(.pass)
      #expect(await client.receive(answer) == answer)
      #expect(await late.receive(answer) == answer)
      #expect(upstream.requestsHeard == 3)
      client.close()
      late.close()
    }
  }

  @Test func `in a black hole the server's end is not seen`() async throws {
    let upstream = try Upstream()
    let relay = try FaultRelay.start(hostPort: upstream.server.port)
    let client = await SocketClient(port: relay.port)
    await ask(client)
    await relay.setMode(.blackHole)
    await upstream.server.stop()
    await settle(relay)
    #expect(await relay.openConnections == 1)
    #expect(!client.hasInput)
    await relay.setMode(.pass)
    #expect(await client.receiveAll().text == "")
    client.close()
    await relay.stop()
  }

  @Test func `with a black hole to the client the server still hears`() async throws {
    let asked = Happening()
    let server = try HTTPServer.start { request in
      if !request.body.isEmpty { return ServerAnswer(body: request.body, framing: .contentLength) }
      asked.happen()
      return ServerAnswer(body: Array("hi".utf8), framing: .contentLength, ending: .close)
    }
    let relay = try FaultRelay.start(hostPort: server.port, mode: .blackHoleToClient)
    let client = await SocketClient(port: relay.port)
    await client.send(request)
    await asked.wait()
    await settle(relay, server.port)
    await server.stop()
    await settle(relay)
    #expect(await relay.openConnections == 1)
    #expect(!client.hasInput)
    await relay.setMode(.pass)
    #expect(await client.receive(answer) == answer)
    client.close()
    await relay.stop()
  }

  @Test func `with a black hole to the server the client still hears`() async throws {
    let asked = Happening()
    let release = Happening()
    let heard = Locked(0)
    let server = try HTTPServer.start { request in
      if !request.body.isEmpty { return ServerAnswer(body: request.body, framing: .contentLength) }
      heard.withLock { $0 += 1 }
      asked.happen()
      await release.wait()
      return ServerAnswer(body: Array("hi".utf8), framing: .contentLength)
    }
    let relay = try FaultRelay.start(hostPort: server.port)
    let client = await SocketClient(port: relay.port)
    await client.send(request)
    await asked.wait()
    await relay.setMode(.blackHoleToServer)
    await client.send(request)
    release.happen()
    #expect(await client.receive(answer) == answer)
    await settle(relay, server.port)
    #expect(heard.withLock { $0 } == 1)
    await relay.setMode(.pass)
    #expect(await client.receive(answer) == answer)
    client.close()
    await relay.stop()
    await server.stop()
  }

  @Test func `a mode for new connections leaves the others alone, and the other way round`()
    async throws
  {
    try await withRelay { relay, upstream in
      let first = await SocketClient(port: relay.port)
      await ask(first)
      await relay.setMode(.blackHole, for: .newConnections)
      let second = await SocketClient(port: relay.port)
      await second.send(request)
      try await relay.waitForConnection(2)
      await ask(first)
      await settle(relay, upstream.server.port)
      #expect(!second.hasInput)
      await relay.setMode(.pass, for: .newConnections)
      await relay.setMode(.blackHole, for: .existingConnections)
      await first.send(request)
      let third = await SocketClient(port: relay.port)
      await ask(third)
      await settle(relay, upstream.server.port)
      #expect(!first.hasInput)
      #expect(upstream.requestsHeard == 3)
      first.close()
      second.close()
      third.close()
    }
  }

  @Test(arguments: [FaultRelay.Mode.pass, .blackHole])
  func `every connection is reset, also in a black hole`(mode: FaultRelay.Mode) async throws {
    try await withRelay { relay, _ in
      let clients = [
        await SocketClient(port: relay.port), await SocketClient(port: relay.port),
      ]
      for client in clients { await ask(client) }
      await relay.setMode(mode)
      await relay.resetConnections()
      for client in clients {
        #expect(await client.receiveAll() == ("", .reset))
        client.close()
      }
      #expect(await relay.openConnections == 0)
      await relay.setMode(.pass)
      let again = await SocketClient(port: relay.port)
      await ask(again)
      again.close()
    }
  }

  @Test func `new connections are refused, then taken again on the same port`() async throws {
    try await withRelay { relay, _ in
      let client = await SocketClient(port: relay.port)
      await ask(client)
      await relay.refuseConnections()
      #expect(!canConnect(relay.port))
      await ask(client)
      try await relay.acceptConnections()
      try await relay.acceptConnections()
      let again = await SocketClient(port: relay.port)
      await ask(again)
      again.close()
      client.close()
    }
  }

  @Test func `a server that refuses is a reset to the client`() async throws {
    let relay = try FaultRelay.start(hostPort: findFreePort())
    let client = await SocketClient(port: relay.port)
    #expect(await client.receiveAll() == ("", .reset))
    client.close()
    await relay.stop()
  }

  @Test func `with a black hole to the client a server that refuses is not seen`() async throws {
    let relay = try FaultRelay.start(hostPort: findFreePort(), mode: .blackHoleToClient)
    let client = await SocketClient(port: relay.port)
    try await relay.waitForConnection(1)
    await settle(relay)
    #expect(!client.hasInput)
    await relay.setMode(.pass)
    #expect(await client.receiveAll() == ("", .reset))
    client.close()
    await relay.stop()
  }

  @Test func `latency and bandwidth are kept to`() async throws {
    try await withRelay { relay, _ in
      await relay.setMode(
        .pass, latencyToServer: .milliseconds(30), latencyToClient: .milliseconds(50))
      let client = await SocketClient(port: relay.port)
      let begin = ContinuousClock.now
      await ask(client)
      #expect(begin.duration(to: .now) >= .milliseconds(80))
      await relay.setMode(.pass, bytesPerSecond: 100 * answer.utf8.count)
      let limited = ContinuousClock.now
      for _ in 0..<10 { await ask(client) }
      #expect(limited.duration(to: .now) >= .milliseconds(50))
      client.close()
    }
  }

  @Test func `stopping ends connections, waits and descriptors`() async throws {
    let upstream = try Upstream()
    let relay = try FaultRelay.start(hostPort: upstream.server.port)
    let client = await SocketClient(port: relay.port)
    await ask(client)
    let waiting = Task { try await relay.waitForConnection(2) }
    await relay.stop()
    await relay.stop()
    #expect(await client.receiveAll() == ("", .reset))
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(!canConnect(relay.port))
    await relay.setMode(.pass)
    await #expect(throws: ServerError.self) { try await relay.acceptConnections() }
    client.close()
    await upstream.server.stop()
  }

  @Test func `a cancelled wait for a connection ends`() async throws {
    try await withRelay { relay, _ in
      let waiting = Task { try await relay.waitForConnection(1) }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
    }
  }
}

/// Says whether somebody listens; loopback answers at once.
private func canConnect(_ port: Int) -> Bool {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(port).bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
  return unsafe withUnsafePointer(to: &address) { address in
    unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  } == 0
}
