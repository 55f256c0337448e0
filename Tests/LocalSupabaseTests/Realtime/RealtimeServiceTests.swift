import Testing
import Transport

@testable import LocalSupabase

/// The server with its sockets, on a source of changes in memory.
@Suite struct RealtimeServiceTests {
  private struct Stage {
    let service: RealtimeService
    let server: HTTPServer
    let source: MemoryChangeSource
    let listener: ChangeListener
    let key: String

    func socket(_ headers: [(String, String)] = []) async throws -> RawWebSocket {
      try await RawWebSocket.connect(
        port: server.port, path: "/socket/websocket?apikey=\(key)&vsn=2.0.0", headers: headers)
    }

    /// A socket that has joined `realtime:room` and is subscribed.
    func subscriber() async throws -> RawWebSocket {
      let socket = try await socket()
      await socket.send(Self.join("1"))
      #expect(await socket.event() == "phx_reply")
      #expect(await socket.event() == "system")
      return socket
    }

    static func join(_ ref: String, _ topic: String = "realtime:room") -> String {
      #"["\#(ref)","\#(ref)","\#(topic)","phx_join",{"config":{"postgres_changes":"#
        + #"[{"event":"*","schema":"public","table":"t"}]}}]"#
    }
  }

  private func withStage(
    _ options: RealtimeOptions = .quick, _ body: (Stage) async throws -> Void
  ) async throws {
    let source = MemoryChangeSource()
    let heard = Locked<ChangeListener?>(nil)
    let service = RealtimeService(options) { listener in
      heard.withLock { $0 = listener }
      return RunningChangeSource(source: source, stop: {})
    }
    let server = try HTTPServer.start(
      upgrade: { await service.upgrade($0) },
      handler: { await service.answer($0) ?? ServerAnswer(status: 404) })
    let listener = try #require(heard.withLock { $0 })
    try await body(
      Stage(
        service: service, server: server, source: source, listener: listener,
        key: JSONWebToken.key(role: "service_role", secret: options.jwtSecret)))
    await server.stop()
    await service.stop()
    #expect(service.counts.openSockets == 0)
    #expect(source.channels.isEmpty)
  }

  @Test func `a change goes to the channels that asked for it, and to nobody after a leave`()
    async throws
  {
    try await withStage { stage in
      let (one, two) = (try await stage.subscriber(), try await stage.subscriber())
      stage.source.insert(1, stage.listener)
      for socket in [one, two] {
        let frame = await socket.receive()
        guard case .text(let text) = frame else { throw RawWebSocket.Refusal(status: 0, body: "") }
        #expect(text.hasPrefix(#"[null,null,"realtime:room","postgres_changes",{"ids":["#))
        #expect(text.contains(#""record":{"id":1}"#))
      }
      await one.send(#"["1","2","realtime:room","phx_leave",{}]"#)
      #expect(
        await one.receive()
          == .text(#"["1","2","realtime:room","phx_reply",{"status":"ok","response":{}}]"#))
      #expect(await one.receive() == .text(#"["1","1","realtime:room","phx_close",{}]"#))
      stage.source.insert(2, stage.listener)
      #expect(await two.event() == "postgres_changes")
      await one.send(#"[null,"3","phoenix","heartbeat",{}]"#)
      #expect(await one.event() == "phx_reply")
      #expect(stage.service.counts.joins == 2)
      #expect(stage.service.counts.openedSockets == 2)
      #expect(stage.service.counts.framesSent == 10)
    }
  }

  @Test func `a server that stops closes with 1012 and comes back`() async throws {
    try await withStage { stage in
      let socket = try await stage.subscriber()
      await stage.service.stop()
      #expect(await socket.receive() == .close(1012))
      await #expect(throws: RawWebSocket.Refusal.self) { try await stage.socket() }
      stage.service.start()
      let again = try await stage.subscriber()
      #expect(stage.source.channels.count == 1)
      stage.service.disconnectAll()
      #expect(await again.event() == "system")
      #expect(await again.receive() == .close(1012))
    }
  }

  @Test func `killed sockets end without a close frame`() async throws {
    try await withStage { stage in
      let socket = try await stage.subscriber()
      stage.service.killSockets()
      #expect(await socket.receive() == .end)
    }
  }

  @Test func `a frame of five million bytes is read, a longer one closes with 1009`() async throws {
    try await withStage { stage in
      let socket = try await stage.socket()
      func heartbeat(_ size: Int) -> String {
        let frame = #"[null,"1","phoenix","heartbeat",{"p":""}]"#
        return frame.replacing(
          #""p":""#, with: #""p":"\#(String(repeating: "x", count: size - frame.utf8.count))"#)
      }
      await socket.send(heartbeat(5_000_000))
      #expect(await socket.event() == "phx_reply")
      await socket.send(heartbeat(5_000_001))
      #expect(await socket.receive() == .close(1009))
    }
  }

  @Test func `silence closes with 1000, while pings and binary frames keep the socket`()
    async throws
  {
    var options = RealtimeOptions.quick
    options.idleTimeout = .milliseconds(1_500)
    try await withStage(options) { stage in
      let socket = try await stage.subscriber()
      let start = ContinuousClock.now
      while start.duration(to: .now) < .milliseconds(2_000) {
        await socket.ping()
        #expect(await socket.receive() == .pong)
        await socket.sendBinary([0, 1, 2])
      }
      // What the server sends does not count.
      stage.source.insert(1, stage.listener)
      #expect(await socket.event() == "postgres_changes")
      #expect(await socket.receive() == .close(1000))
      #expect(start.duration(to: .now) >= .milliseconds(3_500))
    }
  }

  @Test func `a refused join holds up what else is on its socket`() async throws {
    var options = RealtimeOptions.quick
    options.channelErrorDelay = .milliseconds(300)
    try await withStage(options) { stage in
      let socket = try await stage.subscriber()
      stage.service.refuseJoins(with: "UnableToConnectToProject: no")
      let start = ContinuousClock.now
      await socket.send(Stage.join("2", "realtime:other"))
      await socket.send(#"[null,"3","phoenix","heartbeat",{}]"#)
      let refusal =
        #"{"status":"error","response":{"reason":"UnableToConnectToProject: no"}}"#
      #expect(
        await socket.receive() == .text(#"["2","2","realtime:other","phx_reply",\#(refusal)]"#))
      #expect(start.duration(to: .now) >= .milliseconds(300))
      #expect(await socket.ref() == "3")
      stage.service.refuseJoins(with: nil)
      await socket.send(Stage.join("4", "realtime:other"))
      #expect(await socket.event() == "phx_reply")
    }
  }

  @Test func `faults on order: heartbeats unanswered, changes dropped, tokens expired`()
    async throws
  {
    try await withStage { stage in
      let socket = try await stage.subscriber()
      stage.service.ignoreHeartbeats(true)
      stage.service.dropChanges(true)
      stage.source.insert(1, stage.listener)
      await socket.send(#"[null,"2","phoenix","heartbeat",{}]"#)
      // Anything that is answered shows that the heartbeat was read before it.
      await socket.send(#"[null,"3","phoenix","nothing",{}]"#)
      #expect(await socket.ref() == "3")
      stage.service.ignoreHeartbeats(false)
      stage.service.dropChanges(false)
      stage.source.insert(2, stage.listener)
      #expect(await socket.event() == "postgres_changes")
      stage.service.expireTokens()
      let expired =
        #"{"message":"Token has expired 0 seconds ago","status":"error","extension":"system","channel":"room"}"#
      #expect(await socket.receive() == .text(#"["1",null,"realtime:room","system",\#(expired)]"#))
      #expect(await socket.event() == "phx_close")
      await socket.send(#"[null,"4","phoenix","heartbeat",{}]"#)
      #expect(await socket.ref() == "4")
    }
  }

  @Test func `a zombie is mended by a new token alone`() async throws {
    try await withStage { stage in
      let (socket, other) = (try await stage.subscriber(), try await stage.subscriber())
      await stage.service.zombie()
      #expect(stage.source.channels.isEmpty)
      let third = try await stage.subscriber()
      stage.source.insert(1, stage.listener)
      #expect(await third.event() == "postgres_changes")
      let token = JSONWebToken.signed(
        claims: #"{"role":"service_role","exp":4102444801}"#,
        secret: stage.service.options.jwtSecret)
      await socket.send(#"["1","2","realtime:room","access_token",{"access_token":"\#(token)"}]"#)
      #expect(await socket.event() == "system")
      stage.source.insert(2, stage.listener)
      #expect(await socket.event() == "postgres_changes")
      #expect(await third.event() == "postgres_changes")
      await other.send(#"[null,"3","phoenix","heartbeat",{}]"#)
      #expect(await other.ref() == "3")
    }
  }

  @Test func `what is no upgrade is told so, and only with a good token`() async throws {
    try await withStage { stage in
      func status(_ target: String) async -> Int? {
        await stage.service.answer(ServerRequest(method: "GET", target: Array(target.utf8)))?.status
      }
      #expect(await status("/socket/websocket?apikey=\(stage.key)") == 400)
      #expect(await status("/socket/websocket?apikey=abc") == 401)
      #expect(await status("/socket/longpoll?apikey=\(stage.key)") == nil)
    }
  }
}

extension RawWebSocket {
  /// The event of the next frame, which must be one of the serializer 2.0.0.
  func event() async -> String { await part(3) }

  /// The ref of the next frame.
  func ref() async -> String { await part(1) }

  private func part(_ index: Int) async -> String {
    guard case .text(let text) = await receive() else { return "no text" }
    let parts = text.split(separator: ",")
    return parts.count > index ? String(parts[index].filter { $0 != "\"" }) : text
  }
}
