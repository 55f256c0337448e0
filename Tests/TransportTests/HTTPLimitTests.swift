import Testing
import Transport

/// Time limits, cancelling and the end of a client.
@Suite struct HTTPLimitTests {
  private static let silence: @Sendable (RawConnection, Int) -> Void = { connection, _ in
    connection.waitForEnd()
  }

  private func failure(_ client: HTTPClient, _ request: HTTPRequest) async -> HTTPError? {
    await #expect(throws: HTTPError.self) { _ = try await client.send(request) }
  }

  @Test func `a server that never answers fails by the time limit`() async {
    let server = RawServer(Self.silence)
    let client = HTTPClient()
    let start = ContinuousClock.now
    let error = await failure(
      client, HTTPRequest(method: "GET", url: server.url(), timeLimit: .milliseconds(200)))
    #expect(error?.kind == .timedOut)
    #expect(start.duration(to: .now) >= .milliseconds(200))
    #expect(start.duration(to: .now) < .seconds(20))
  }

  @Test func `a server that drips fails by the time limit`() async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      while connection.write("1\r\nx\r\n") {}
    }
    let error = await failure(
      HTTPClient(), HTTPRequest(method: "GET", url: server.url(), timeLimit: .milliseconds(300)))
    #expect(error?.kind == .timedOut)
  }

  @Test func `a server that stops within its answer fails by the stall limit`() async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
      connection.waitForEnd()
    }
    var configuration = HTTPClient.Configuration()
    configuration.stallLimit = .seconds(1)
    let error = await failure(
      HTTPClient(configuration), HTTPRequest(method: "GET", url: server.url()))
    #expect(error?.kind == .timedOut)
    #expect(error?.description.contains("for 1.0 seconds") == true)
  }

  @Test func `a handshake that never ends fails by the connect limit`() async {
    let server = RawServer(Self.silence)
    var configuration = HTTPClient.Configuration()
    configuration.connectLimit = .milliseconds(200)
    let error = await failure(
      HTTPClient(configuration), HTTPRequest(method: "GET", url: server.url(scheme: "https")))
    #expect(error?.kind == .cannotConnect)
    #expect(error?.description.contains("No connection") == true)
  }

  @Test func `waiting for a free connection counts`() async throws {
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      arrived.yield()
      connection.waitForEnd()
    }
    var configuration = HTTPClient.Configuration()
    configuration.connectionsPerHost = 1
    let client = HTTPClient(configuration)
    let first = Task { try await client.send(HTTPRequest(method: "GET", url: server.url())) }
    for await _ in arrivals { break }

    let error = await failure(
      client, HTTPRequest(method: "GET", url: server.url(), timeLimit: .milliseconds(200)))
    #expect(error?.kind == .timedOut)
    #expect(server.accepted == 1)
    first.cancel()
    await #expect(throws: HTTPError.self) { _ = try await first.value }
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"])
  func `cancelling ends a request at once`(begun: String) async throws {
    let (events, event) = AsyncStream.makeStream(of: Bool.self)
    let server = RawServer { connection, number in
      while connection.readRequest() != nil {
        if number > 1 {
          connection.answer()
          continue
        }
        connection.write(begun)
        event.yield(true)
        connection.waitForEnd()
        event.yield(false)
      }
    }
    let client = HTTPClient()
    let task = Task { try await client.send(HTTPRequest(method: "GET", url: server.url())) }
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == true)
    task.cancel()
    let error = await #expect(throws: HTTPError.self) { _ = try await task.value }
    #expect(error?.kind == .cancelled)
    #expect(await iterator.next() == false, "the server sees the connection go")
    #expect(try await client.send(HTTPRequest(method: "GET", url: server.url())).status == 200)
    #expect(server.accepted == 2)
  }

  @Test func `a task cancelled before sends nothing`() async {
    let server = RawServer(Self.silence)
    let client = HTTPClient()
    let error = await withTaskGroup(of: HTTPError?.self) { group in
      group.cancelAll()
      group.addTask { await failure(client, HTTPRequest(method: "GET", url: server.url())) }
      return await group.next() ?? nil
    }
    #expect(error?.kind == .cancelled)
    #expect(server.accepted == 0)
    #expect(client.statistics.requests == 0)
  }

  @Test func `cancelling at any moment leaves no request behind`() async {
    let server = RawServer { connection, _ in
      while connection.readRequest() != nil { connection.answer() }
    }
    let client = HTTPClient()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<200 {
        group.addTask {
          let task = Task { try await client.send(HTTPRequest(method: "GET", url: server.url())) }
          await Task.yield()
          task.cancel()
          _ = await task.result
        }
      }
    }
    let answer = try? await client.send(HTTPRequest(method: "GET", url: server.url()))
    #expect(answer?.status == 200)
  }

  @Test func `closing fails what is in flight and what comes after`() async {
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      arrived.yield()
      connection.waitForEnd()
    }
    let client = HTTPClient()
    let tasks = (0..<5).map { _ in
      Task { try await client.send(HTTPRequest(method: "GET", url: server.url())) }
    }
    var count = 0
    for await _ in arrivals {
      count += 1
      if count == tasks.count { break }
    }
    await client.close()
    for task in tasks {
      let error = await #expect(throws: HTTPError.self) { _ = try await task.value }
      #expect(error?.kind == .cancelled)
    }
    let error = await failure(client, HTTPRequest(method: "GET", url: server.url()))
    #expect(error?.kind == .cancelled)
  }

  @Test func `a client that is let go closes its connections`() async throws {
    let (ends, ended) = AsyncStream.makeStream(of: Void.self)
    let server = RawServer { connection, _ in
      while connection.readRequest() != nil { connection.answer() }
      ended.yield()
    }
    do {
      let client = HTTPClient()
      _ = try await client.send(HTTPRequest(method: "GET", url: server.url()))
    }
    for await _ in ends { break }
    #expect(server.accepted == 1)
  }
}
