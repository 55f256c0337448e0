import JSON
import Testing
import Transport

@testable import Supabase

private let items = channel("items", "items")
private let notes = channel("notes", "notes")

/// The client over sockets in memory, with a clock that stands still unless moved. Tests wait for what happens.
@Suite(.timeLimit(.minutes(1))) struct RealtimeClientTests {
  private let clock = SteppedClock()
  private let events = Mailbox<FeedEvent>()

  private func client(_ server: MemoryWebSocket, key: String = serviceJWT) -> RealtimeClient {
    RealtimeClient(
      project: Project(
        role: "source", url: ProjectURL("http://localhost:54321")!, key: ServiceKey(key)),
      transport: server, clock: clock, random: { 0 })
  }

  private func next() async -> String? { await events.take()?.short }

  @Test func `it joins, tells changes in order, and closes with 1000 when cancelled`() async throws
  {
    let server = MemoryWebSocket()
    let client = client(server)
    await client.setChannels([items])
    let run = Task { [events] in await client.run { events.put($0) } }
    let connection = try await server.accept()
    try await connection.acceptJoin()
    for id in 1...100 { connection.insert(id, channel: "items") }
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    for id in 1...100 { #expect(await next() == "items: insert public.items \(id)") }
    #expect(await client.statistics.changes == 100)
    run.cancel()
    await run.value
    #expect(connection.codes.first == 1000)
    #expect(server.requests.count == 1)
  }

  @Test func `it comes back after an end and after a refusal, with backoff`() async throws {
    let server = MemoryWebSocket(refusing: [
      WebSocketError(.refused(status: 503), "localhost answered 503")
    ])
    let client = client(server)
    let run = Task { [events] in await client.run { events.put($0) } }
    await client.setChannels([items])
    #expect(await next() == "disconnected: connection")
    #expect(server.requests.count == 1)
    clock.advance(by: .seconds(0.25))
    var connection = try await server.accept()
    try await connection.acceptJoin()
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    connection.end(.closed(code: 1000))
    #expect(await next() == "disconnected: server")
    clock.advance(by: .seconds(0.5))
    connection = try await server.accept()
    try await connection.acceptJoin()
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    run.cancel()
    await run.value
  }

  @Test func `a slow receiver stops the reading, but no heartbeat`() async throws {
    let server = MemoryWebSocket()
    let client = client(server)
    await client.setChannels([items])
    let gate = Mailbox<Void>()
    let run = Task { [events] in
      await client.run { event in
        events.put(event)
        if case .change = event { await gate.take() }
      }
    }
    let connection = try await server.accept()
    try await connection.acceptJoin()
    for id in 1...10 { connection.insert(id, channel: "items") }
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    #expect(await next() == "items: insert public.items 1")
    // Replies cannot be read now, so they are not missed.
    for _ in 1...20 {
      clock.advance(by: .seconds(25))
      let beat = try await connection.hear()
      #expect(beat.event == "heartbeat")
      connection.say(
        #"[null,"\#(beat.ref)","phoenix","phx_reply",{"status":"ok","response":{}}]"#)
    }
    #expect(connection.taken == 3)
    #expect(connection.codes.isEmpty)
    for _ in 1...10 { gate.put(()) }
    for id in 2...10 { #expect(await next() == "items: insert public.items \(id)") }
    // All replies were read, so there is nothing to miss but the next one.
    connection.insert(11, channel: "items")
    #expect(await next() == "items: insert public.items 11")
    gate.put(())
    clock.advance(by: .seconds(25))
    _ = try await connection.hear()
    clock.advance(by: .seconds(15))
    #expect(await next() == "disconnected: connection")
    await connection.awaitClose()
    #expect(connection.codes.first == 1000)
    run.cancel()
    await run.value
  }

  @Test func `the receiver may command the client that calls it`() async throws {
    let server = MemoryWebSocket()
    let client = client(server)
    await client.setChannels([items])
    let run = Task { [events] in
      await client.run { event in
        if event.short == "subscribed items", event.join == 1 {
          await client.rejoin("items")
          await client.setChannels([items, notes])
        }
        events.put(event)
      }
    }
    let connection = try await server.accept()
    try await connection.acceptJoin()
    #expect(try await connection.hear().event == "phx_leave")
    try await connection.acceptJoin()
    try await connection.acceptJoin()
    for event in ["connected", "subscribed items", "subscribed items", "subscribed notes"] {
      #expect(await next() == event)
    }
    run.cancel()
    await run.value
  }

  @Test func `a commanded reconnect closes the old socket and opens a new one`() async throws {
    let server = MemoryWebSocket()
    let client = client(server)
    await client.setChannels([items])
    let run = Task { [events] in await client.run { events.put($0) } }
    let old = try await server.accept()
    #expect(await next() == "connected")
    await client.reconnect()
    #expect(await next() == "disconnected: server")
    await old.awaitClose()
    #expect(old.codes.first == 1000)
    clock.advance(by: .seconds(1))
    let new = try await server.accept()
    try await new.acceptJoin()
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    await client.setKey(ServiceKey("sb_secret_new"))
    #expect(await next() == "disconnected: server")
    await new.awaitClose()
    clock.advance(by: .seconds(1))
    _ = try await server.accept()
    #expect(server.requests.last?.url.contains("sb_secret_new") == true)
    run.cancel()
    await run.value
  }

  @Test func `it can be cancelled while a connection is being opened`() async throws {
    let server = MemoryWebSocket(isSilent: true)
    let client = client(server)
    await client.setChannels([items])
    let run = Task { [events] in await client.run { events.put($0) } }
    while server.requests.isEmpty { await Task.yield() }
    run.cancel()
    await run.value
    #expect(server.requests.count == 1)
  }

  @Test func `it can be cancelled while the receiver takes its time, and run again`() async throws {
    let server = MemoryWebSocket()
    let client = client(server)
    await client.setChannels([items])
    let never = Mailbox<Void>()
    let first = Task { [events] in
      await client.run { event in
        events.put(event)
        if case .change = event { await never.take() }
      }
    }
    let connection = try await server.accept()
    try await connection.acceptJoin()
    connection.insert(1, channel: "items")
    connection.insert(2, channel: "items")
    for _ in 1...3 { _ = await next() }
    first.cancel()
    await first.value
    #expect(connection.codes.first == 1000)

    let second = Task { [events] in await client.run { events.put($0) } }
    try await server.accept().acceptJoin()
    #expect(await next() == "connected")
    #expect(await next() == "subscribed items")
    second.cancel()
    await second.value
  }

  @Test func `a notice says once what is of no use`() async throws {
    let server = MemoryWebSocket()
    let notices = Mailbox<String>()
    let client = RealtimeClient(
      project: Project(
        role: "source", url: ProjectURL("http://localhost:54321")!, key: ServiceKey("k")),
      transport: server, clock: clock, random: { 0 }, notice: { notices.put("\($0): \($1)") })
    await client.setChannels([items])
    let run = Task { [events] in await client.run { events.put($0) } }
    let connection = try await server.accept()
    try await connection.acceptJoin()
    connection.say("nonsense")
    connection.say("more nonsense")
    connection.insert(1, channel: "items")
    #expect(await notices.take() == "notJSON: \(RealtimeOddity.notJSON.description)")
    for _ in 1...3 { _ = await next() }
    #expect(await client.statistics.oddities == [.notJSON: 2])
    run.cancel()
    await run.value
  }
}
