import JSON
import Testing
import Transport

@testable import LocalSupabase

/// What the recordings do not show of the decisions.
@Suite struct RealtimeSocketTests {
  private static let base: Int64 = 1_790_000_000_000_000
  private static let secret = RecordedSession.secret

  /// One socket, and the time that passes for it.
  private struct Stage {
    var options = RealtimeOptions()
    var tenant = RealtimeTenant()
    var now = base
    var socket: RealtimeSocket

    init(_ change: (inout RealtimeOptions) -> Void = { _ in }) {
      options.jwtSecret = secret
      change(&options)
      socket = Self.makeSocket(1, options)
    }

    static func makeSocket(_ id: Int, _ options: RealtimeOptions) -> RealtimeSocket {
      RealtimeSocket(
        id: id, options: options, serializer: .arrays, apiKey: token(), now: base)
    }

    static func token(role: String = "service_role", expiresIn seconds: Int64 = 86_400) -> String {
      JSONWebToken.signed(
        claims: #"{"role":"\#(role)","exp":\#(base / 1_000_000 + seconds)}"#, secret: secret)
    }

    mutating func take(_ text: String) -> [RealtimeSocket.Effect] { take(.text(Array(text.utf8))) }

    mutating func take(_ input: RealtimeSocket.Input) -> [RealtimeSocket.Effect] {
      socket.handle(input, now: now, tenant: &tenant)
    }

    mutating func join(
      _ ref: String, _ topic: String = "realtime:room", config: String = "", token: String? = nil
    ) -> [RealtimeSocket.Effect] {
      let changes = #""postgres_changes":[{"event":"*","schema":"public","table":"t"}]"#
      let token = token.map { #","access_token":"\#($0)""# } ?? ""
      return take(
        #"["\#(ref)","\#(ref)","\#(topic)","phx_join",{"config":{\#(changes)\#(config)}\#(token)}]"#
      )
    }

    mutating func end() -> [RealtimeSocket.Effect] { socket.end(tenant: &tenant) }

    /// Lets time pass to the deadline.
    mutating func wait() -> [RealtimeSocket.Effect] {
      now = socket.deadline ?? now
      return take(.due)
    }
  }

  private static func texts(_ effects: [RealtimeSocket.Effect]) -> [String] {
    effects.compactMap {
      if case .send(let frame) = $0 { String(decoding: frame, as: UTF8.self) } else { nil }
    }
  }

  private static func reason(_ effects: [RealtimeSocket.Effect]) -> String? {
    let node = texts(effects).first.flatMap { try? JSONNode(parsing: Array($0.utf8)) }
    return node?.array?.last?["response"]?["reason"]?.string
  }

  @Test func `a token is looked at every five minutes, and when it expires`() {
    var stage = Stage { $0.idleTimeout = .seconds(100_000) }
    _ = stage.join("1", token: Stage.token(expiresIn: 700))
    for seconds in [300, 600] as [Int64] {
      #expect(stage.wait() == [])
      #expect(stage.now == Self.base + seconds * 1_000_000)
    }
    let effects = stage.wait()
    #expect(stage.now == Self.base + 700_000_000)
    #expect(
      Self.texts(effects) == [
        #"["1",null,"realtime:room","system",{"message":"Token has expired 0 seconds ago","status":"error","extension":"system","channel":"room"}]"#,
        #"["1","1","realtime:room","phx_close",{}]"#,
      ])
    #expect(effects.contains(.unsubscribe(channel: 1)))
    #expect(stage.socket.channelNumbers == [])
  }

  @Test func `a new token counts from when it came, the same one is nothing new`() {
    var stage = Stage { $0.idleTimeout = .seconds(100_000) }
    let (old, new) = (Stage.token(expiresIn: 100), Stage.token(role: "anon", expiresIn: 200))
    _ = stage.join("1", token: old)
    func push(_ token: String) -> String {
      #"["1","2","realtime:room","access_token",{"access_token":\#(token)}]"#
    }
    for nothing in ["\"\(old)\"", "null", "\"sb_publishable_x\""] {
      #expect(stage.take(push(nothing)) == [])
    }
    guard
      case .subscribe(1, let subscriptions, let claims, .afterRefresh)? =
        stage.take(push("\"\(new)\"")).first
    else {
      Issue.record("no new subscription")
      return
    }
    #expect(claims.role == "anon")
    #expect(subscriptions.map(\.table) == ["t"])
    #expect(stage.socket.deadline == Self.base + 200_000_000)
    let refused = stage.take(push(#""garbage""#))
    #expect(Self.texts(refused).first?.contains("The token provided is not a valid JWT") == true)
    #expect(refused.last == .send(Array(#"["1","1","realtime:room","phx_close",{}]"#.utf8)))
  }

  @Test func `a database that does not answer in time is told of and asked again`() {
    var stage = Stage()
    _ = stage.join("1")
    let effects = stage.take(.subscribed(channel: 1, complaint: "Too many database timeouts"))
    #expect(Self.texts(effects).count == 1)
    guard case .subscribe(1, _, _, .afterTimeout)? = effects.last else {
      Issue.record("not asked again: \(effects)")
      return
    }
    #expect(stage.take(.subscribed(channel: 1, complaint: "bad filter")).count == 1)
  }

  @Test func `a channel that is gone hears nothing more`() {
    var stage = Stage()
    _ = stage.join("1")
    _ = stage.join("2")
    let change = ChangeDelivery(channel: 1, ids: [1], data: Array("{}".utf8))
    #expect(stage.take(.changed(change)) == [])
    #expect(stage.take(.subscribed(channel: 1, complaint: nil)) == [])
    #expect(stage.take(.resubscribed(channel: 2, complaint: nil)).count == 1)
    let given = stage.end()
    #expect(given == [.unsubscribe(channel: 2)])
    #expect(stage.take(.resubscribed(channel: 2, complaint: nil)) == [])
  }

  @Test func `users are sockets that have joined, until they end`() {
    var stage = Stage { $0.maxConnectedUsers = 1 }
    var other = Stage.makeSocket(2, stage.options)
    func handshake(_ stage: inout Stage) -> RealtimeHandshake {
      RealtimeHandshake(
        ServerRequest(
          method: "GET", target: Array("/socket/websocket?apikey=\(Stage.token())".utf8)),
        options: stage.options, now: stage.now, tenant: &stage.tenant)
    }
    _ = stage.join("1")
    _ = stage.join("2", "realtime:more")
    guard case .refused(let answer, true) = handshake(&stage) else {
      Issue.record("one more was let in")
      return
    }
    #expect(answer.status == 429)
    let join = #"["1","1","realtime:room","phx_join",{"config":{}}]"#
    let held = other.handle(.text(Array(join.utf8)), now: stage.now, tenant: &stage.tenant)
    #expect(held == [])
    let refusal = other.handle(.due, now: other.deadline ?? 0, tenant: &stage.tenant)
    #expect(
      Self.reason(refusal) == "ConnectionRateLimitReached: Too many connected users")
    _ = stage.end()
    guard case .accepted = handshake(&stage) else {
      Issue.record("a place is free and not given")
      return
    }
  }

  @Test(
    arguments: [
      ("anon", "Unauthorized: You do not have permissions to read from this Channel topic: room"),
      ("service_role", nil),
    ] as [(String, String?)])
  func `a private channel is for roles that need no policy`(_ role: String, _ refusal: String?) {
    var stage = Stage()
    let effects = stage.join("1", config: #","private":true"#, token: Stage.token(role: role))
    #expect(effects.isEmpty == (refusal != nil))
    #expect(Self.reason(refusal == nil ? effects : stage.wait()) == refusal)
  }

  @Test func `what is handed in while a refusal waits comes after it, in order`() {
    var stage = Stage()
    _ = stage.join("1")
    stage.tenant.refusal = "RealtimeRestarting: Realtime is restarting, please standby"
    // The refused join of the same topic ends the one before at once, and says so after the refusal.
    #expect(stage.join("2") == [.unsubscribe(channel: 1)])
    #expect(stage.take(#"[null,"3","phoenix","heartbeat",{}]"#) == [])
    #expect(stage.join("4") == [])
    #expect(stage.take(#"[null,"5","phoenix","heartbeat",{}]"#) == [])
    #expect(stage.socket.deadline == Self.base + 5_000_000)
    let first = Self.texts(stage.wait())
    #expect(first.map { $0.prefix(8) } == [#"["2","2""#, #"["1","1""#, #"[null,"3"#])
    #expect(stage.socket.deadline == Self.base + 10_000_000)
    stage.tenant.refusal = nil
    #expect(Self.texts(stage.wait()).map { $0.prefix(8) } == [#"["4","4""#, #"[null,"5"#])
    stage.now += 1
    #expect(stage.take(.stop) == [.close(1012)])
  }

  @Test func `an id depends on the content alone and is never 0`() throws {
    func binding(_ text: String) throws -> RealtimeBinding {
      RealtimeBinding(try JSONNode(parsing: Array(text.utf8)))
    }
    let one = try binding(#"{"event":"*","schema":"public","table":"t"}"#)
    let same = try binding(#"{ "table": "t", "event": "*", "schema": "public" }"#)
    #expect(one.id == same.id)
    var ids: Set<Int> = []
    for number in 0..<1_000 { ids.insert(try binding(#"{"table":"t\#(number)"}"#).id) }
    #expect(ids.count == 1_000)
    #expect(ids.allSatisfy { (1..<1 << 27).contains($0) })
  }

  @Test func `the average of joins counts a first burst by half and forgets after a minute`() {
    var rate = RateAverage()
    rate.add(1_000, now: 0)
    #expect(rate.average(now: 4_999_999) == 0)
    #expect(rate.average(now: 5_000_000) == 100)
    #expect(rate.average(now: 10_000_000) == 1_000.0 / 3 / 5)
    #expect(rate.average(now: 60_000_000) == 1_000.0 / 12 / 5)
    #expect(rate.average(now: 65_000_000) == 0)
    rate.add(60, now: 1_000_000_000)
    #expect(rate.average(now: 1_005_000_000) == 1)
  }
}
