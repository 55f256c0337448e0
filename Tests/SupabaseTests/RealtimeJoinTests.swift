import JSON
import Testing
import Transport

@testable import Supabase

private let items = channel("items", "items")
private let notes = channel("notes", "notes")
private let both = channel("both", "items", "notes")

@Suite struct RealtimeJoinTests {
  @Test func `a join says everything a server wants to know`() {
    let feed = FeedChannel(
      name: "main",
      tables: [
        FeedTable(name: TableName(name: "items"), columns: ["id"]),
        FeedTable(name: TableName(schema: "o\"dd", name: "Weird Täble"), columns: ["id"]),
      ])
    for (key, token) in [("abc", #","access_token":"abc""#), ("sb_secret_abc", "")] {
      var bench = RealtimeBench(key: key)
      bench.start([feed])
      bench.open()
      #expect(
        bench.sent.map(\.text) == [
          #"["1","1","realtime:main","phx_join",{"config":{"broadcast":{"ack":false,"self":false},"presence":{"key":"","enabled":false},"private":false,"postgres_changes":[{"event":"*","schema":"public","table":"items"},{"event":"*","schema":"o\"dd","table":"Weird Täble"}]}\#(token)}]"#
        ])
    }
  }

  @Test func `a channel is subscribed when the server says so, not at the reply`() {
    var bench = RealtimeBench()
    bench.start([items, notes])
    bench.open()
    #expect(bench.takeSent() == ["phx_join items", "phx_join notes"])
    #expect(bench.takeEvents() == ["connected"])
    bench.reply(items)
    #expect(bench.takeEvents().isEmpty)
    bench.system(items)
    #expect(bench.events == [.subscribed(channel: "items", join: 1, isFirst: true)])
    bench.system(items)
    #expect(
      bench.events.last == .subscribed(channel: "items", join: 1, isFirst: false))
  }

  @Test func `changes are told from the reply on`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.forget()
    bench.insert(1, items)
    #expect(bench.events.isEmpty && bench.machine.statistics.oddities[.lateChange] == 1)
    bench.reply(items)
    bench.insert(2, items)
    bench.system(items)
    bench.insert(3, items)
    #expect(
      bench.takeEvents() == [
        "items: insert public.items 2", "subscribed items", "items: insert public.items 3",
      ])
  }

  @Test func `the limit for a reply grows with the joins in flight`() {
    var bench = RealtimeBench()
    bench.start([items, notes, both])
    bench.open()
    bench.forget()
    bench.pass(.seconds(14.9))
    #expect(bench.events.isEmpty)
    bench.pass(.seconds(0.2))
    #expect(bench.takeEvents() == ["ended items: connection"])
    bench.reply(notes)
    bench.pass(.seconds(30))
    // The first one was joined again behind the third.
    #expect(bench.takeEvents().prefix(1) == ["ended both: connection"])
  }

  @Test func `a reply that is late or of another join counts for nothing`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.pass(.seconds(15.5))
    #expect(bench.takeEvents() == ["connected", "ended items: connection"])
    #expect(bench.takeSent() == ["phx_join items", "phx_leave items", "phx_join items"])
    bench.reply(items, join: 1)
    bench.system(items, join: 1)
    #expect(bench.takeEvents().isEmpty)
    bench.reply(items)
    bench.system(items)
    #expect(bench.takeEvents() == ["subscribed items"])
  }

  @Test func `a subscription that is never confirmed is left and joined again`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.reply(items)
    bench.forget()
    bench.pass(.seconds(24))
    #expect(bench.events.isEmpty)
    bench.pass(.seconds(5.9))
    bench.answerHeartbeat()
    bench.pass(.seconds(0.2))
    #expect(bench.takeEvents() == ["ended items: server"])
    bench.pass(.seconds(0.5))
    #expect(bench.takeSent() == ["heartbeat", "phx_leave items", "phx_join items"])
  }

  @Test(arguments: [
    #"{"postgres_changes":[{"id":1,"schema":"public","table":"items"}]}"#,
    #"{"postgres_changes":[{"id":1,"schema":"public","table":"notes"},{"id":2,"schema":"public","table":"items"}]}"#,
    #"{"postgres_changes":[{"id":1,"schema":"public","table":"items"},{"schema":"public","table":"notes"}]}"#,
    #"{"postgres_changes":[{"id":1,"schema":"public","table":"items"},{"id":1.5,"schema":"public","table":"notes"}]}"#,
    #"{"postgres_changes":[]}"#, #"{}"#, #"[]"#, #"{"postgres_changes":null}"#,
  ])
  func `a reply that lists other tables ends the channel`(response: String) {
    var bench = RealtimeBench()
    bench.start([both])
    bench.open()
    bench.forget()
    bench.receive(
      #"["1","1","realtime:both","phx_reply",{"status":"ok","response":\#(response)}]"#)
    #expect(bench.takeEvents() == ["ended both: server"])
    #expect(bench.takeSent() == ["phx_leave both"])
  }

  @Test(arguments: [
    ("InvalidJWTToken: Token has expired 50 seconds ago", "refused items: token", 300.0),
    ("MalformedJWT: The token provided is not a valid JWT", "refused items: token", 300),
    ("JwtSignatureError: Failed to validate JWT signature", "refused items: token", 300),
    ("JwtSignerError: no", "refused items: token", 300),
    ("Unauthorized: no", "refused items: token", 300),
    ("PrivateOnly: no", "refused items: token", 300),
    ("TenantNotFound: no", "refused items: connection", 300),
    ("RealtimeDisabledForTenant: no", "refused items: connection", 300),
    ("TopicNameRequired: You must provide a topic name", "refused items: server", 300),
    ("ChannelRateLimitReached: Too many channels", "ended items: limit", 30),
    ("ConnectionRateLimitReached: Too many connected users", "ended items: limit", 30),
    ("ClientJoinRateLimitReached: Too many joins per second", "ended items: limit", 30),
    ("too many channels joined", "ended items: limit", 30),
    ("DatabaseConnectionRateLimitReached: no", "ended items: limit", 30),
    ("IncreaseConnectionPool: no", "ended items: limit", 30),
    ("UnableToConnectToProject: Realtime was unable to", "ended items: connection", 0.25),
    ("DatabaseLackOfConnections: no", "ended items: connection", 0.25),
    ("InitializingProjectConnection: no", "ended items: connection", 0.25),
    ("QueryCanceled: no", "ended items: connection", 0.25),
    ("RealtimeRestarting: please standby", "ended items: server", 0.25),
    ("TimeoutOnRpcCall: no", "ended items: server", 0.25),
    ("ErrorOnRpcCall: no", "ended items: server", 0.25),
    ("Unknown Error on Channel", "ended items: server", 0.25),
    ("unmatched topic", "ended items: server", 0.25),
    ("SomethingNew: of a later version", "ended items: server", 0.25),
    ("", "ended items: server", 0.25),
  ])
  func `a refused join is told by its reason and tried again after its pause`(
    reason: String, event: String, pause: Double
  ) {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.forget()
    bench.refuse(items, reason)
    #expect(bench.events.first?.problem?.description.contains(reason) == true)
    #expect(bench.takeEvents() == [event])
    #expect(bench.sent.isEmpty)
    passAnswering(&bench, pause - 0.1)
    #expect(bench.takeSentCount("phx_join") == 0)
    passAnswering(&bench, 0.2)
    #expect(bench.takeSentCount("phx_join") == 1)
  }

  /// Heartbeats are answered.
  private func passAnswering(_ bench: inout RealtimeBench, _ seconds: Double) {
    let end = bench.now + .seconds(seconds)
    while bench.now < end {
      bench.pass(min(.seconds(1), end - bench.now))
      if bench.takeSentCount("heartbeat") > 0 { bench.answerHeartbeat() }
    }
  }

  @Test func `the pause of a refused channel doubles up to an hour`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    var pauses: [Double] = []
    for _ in 0..<6 {
      bench.refuse(items, "InvalidJWTToken: no")
      let start = bench.now
      let joins = bench.takeSentCount("phx_join")
      while bench.takeSentCount("phx_join") == joins { passAnswering(&bench, 60) }
      pauses.append((bench.now - start) / .seconds(60))
    }
    #expect(pauses == [5, 10, 20, 40, 60, 60])
  }

  @Test func `a limit of all joins holds up every channel`() {
    var bench = RealtimeBench()
    bench.start([items, notes])
    bench.open()
    bench.refuse(items, "ClientJoinRateLimitReached: Too many joins per second")
    bench.end(.closed(code: 1001))
    bench.forget()
    bench.pass(.seconds(29.9))
    #expect(bench.requests.isEmpty)
    bench.pass(.seconds(0.2))
    #expect(bench.requests.count == 1)
  }

  @Test func `a socket is not opened for a refused channel before its pause is over`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.refuse(items, "InvalidJWTToken: no")
    bench.end(.lost)
    bench.forget()
    bench.pass(.seconds(299))
    #expect(bench.requests.isEmpty)
    bench.pass(.seconds(2))
    #expect(bench.requests.count == 1)
  }

  @Test(arguments: [
    (
      "[event: *, schema: public, table: notes, filters: [], select: nil]",
      "refused both: table public.notes"
    ),
    // v2.78.15
    ("[event: *, schema: public, table: notes, filters: []]", "refused both: table public.notes"),
    ("[event: *, schema: public, table: note, filters: [], select: nil]", "refused both: table ?"),
    ("[event: *, schema: other, table: notes, filters: [], select: nil]", "refused both: table ?"),
    (
      "[event: *, schema: public, table: notes, filters: [] [event: *, schema: public, table: items, filters: []",
      "refused both: table ?"
    ),
    ("", "refused both: table ?"),
  ])
  func `a table that cannot be subscribed refuses its channel`(parameters: String, event: String) {
    var bench = RealtimeBench()
    bench.startSubscribed([both])
    bench.system(
      both, status: "error",
      "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: \(parameters)"
    )
    #expect(bench.events.first?.problem?.description.contains("supabase_realtime") == true)
    #expect(bench.takeEvents() == [event])
    #expect(bench.takeSent() == ["phx_leave both"])
  }

  @Test(arguments: [
    ("postgres_changes", "Error parsing `filter` params: [\"zz\"]", "refused items: table ?"),
    ("postgres_changes", "No subscription params provided. Please", "refused items: table ?"),
    ("postgres_changes", "Too many database timeouts", "ended items: connection"),
    ("postgres_changes", "Something new", "ended items: server"),
    (
      "postgres_changes",
      "Unable to subscribe to changes with given parameters. An exception happened so please check your connect parameters: [event: *, schema: public, table: items, filters: [], select: nil]. Exception: ERROR 42704 (undefined_object) role \"no\" does not exist",
      "refused items: token"
    ),
    ("system", "Token has expired 0 seconds ago", "ended items: token"),
    ("system", "The token provided is not a valid JWT", "ended items: token"),
    ("system", "Failed to validate JWT signature", "ended items: token"),
    ("system", "Fields `role` and `exp` are required in JWT", "ended items: token"),
    ("system", "Too many messages per second", "ended items: limit"),
    ("system", "Something new", "ended items: server"),
    ("new_extension", "Something new", "ended items: server"),
  ])
  func `a system error takes the channel out, before and after it was subscribed`(
    kind: String, message: String, event: String
  ) {
    for isSubscribed in [false, true] {
      var bench = RealtimeBench()
      bench.start([items])
      bench.open()
      bench.reply(items)
      if isSubscribed { bench.system(items) }
      bench.forget()
      bench.system(items, extension: kind, status: "error", message)
      // What the server sends behind it changes nothing.
      bench.close(items)
      #expect(bench.takeEvents() == [event])
      #expect(bench.takeSent() == ["phx_leave items"])
    }
  }

  @Test func `a channel that was refused comes back as a new join`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.system(items, status: "error", "Unable to subscribe to changes with given parameters.")
    bench.insert(1, items)
    passAnswering(&bench, 301)
    bench.reply(items)
    bench.system(items)
    #expect(bench.events.last?.join == bench.join(items))
    #expect(bench.takeEvents() == ["refused items: table ?", "subscribed items"])
  }

  @Test func `the server's word that it disconnects is waited out`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.receive(
      #"[null,null,"realtime:items","system",{"message":"Server requested disconnect","status":"ok","extension":"system"}]"#
    )
    #expect(bench.events.isEmpty && bench.sent.isEmpty && bench.notices.isEmpty)
    bench.end(.closed(code: 1012))
    #expect(bench.takeEvents() == ["disconnected: server"])
  }

  @Test(arguments: ["phx_close", "phx_error"])
  func `only the present join's end ends the channel`(event: String) {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.close(items, join: 99, event: event)
    #expect(bench.events.isEmpty)
    bench.close(items, event: event)
    bench.close(items, event: event)
    #expect(bench.takeEvents() == ["ended items: server"])
    #expect(bench.sent.isEmpty)
    bench.pass(.seconds(0.3))
    #expect(bench.takeSent() == ["phx_join items"])
  }

  @Test func `failures of a channel slow its joins down until a subscription lasts`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    func waitAfterEnd() -> Double {
      bench.close(items)
      guard case .waiting(let until, _) = bench.machine.channels[0].state else { return -1 }
      return (until - bench.now) / .seconds(1)
    }
    func subscribe() {
      bench.forget()
      while !bench.machine.channels[0].isJoining { passAnswering(&bench, 0.1) }
      bench.reply(items)
      bench.system(items)
    }
    var waits: [Double] = []
    for _ in 0..<8 {
      waits.append(waitAfterEnd())
      subscribe()
    }
    #expect(waits == [0.25, 0.5, 1, 2, 4, 8, 15, 15])
    passAnswering(&bench, 31)
    #expect(waitAfterEnd() == 0.25)
  }
}

@Suite struct RealtimeCommandTests {
  @Test func `a rejoin leaves and joins at once, and drops what is older`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    let old = bench.join(items)
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    #expect(bench.sent.map(\.joinRef) == ["\(old)", "\(bench.join(items))"])
    #expect(bench.takeSent() == ["phx_leave items", "phx_join items"])
    bench.insert(1, items)
    bench.close(items, join: old)
    bench.system(items, join: old)
    #expect(bench.events.isEmpty)
    bench.reply(items)
    bench.close(items, join: old)
    bench.insert(2, items)
    bench.system(items)
    #expect(
      bench.events.map(\.join) == [bench.join(items), bench.join(items)])
    #expect(bench.takeEvents() == ["items: insert public.items 2", "subscribed items"])
    #expect(bench.machine.statistics.oddities == [.lateChange: 1])
    #expect(bench.notices.isEmpty)
  }

  @Test func `a rejoin cuts a refusal's pause short, but no backoff`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.close(items)
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    #expect(bench.takeSent().isEmpty)
    bench.pass(.seconds(1))
    bench.refuse(items, "InvalidJWTToken: no")
    bench.forget()
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    #expect(bench.takeSent() == ["phx_join items"])
    bench.perform(bench.machine.rejoin("nobody", now: bench.now))
    #expect(bench.takeSent().isEmpty)
  }

  @Test func `channels that stay equal stay as they are`() {
    var bench = RealtimeBench()
    let old = channel("other", "items")
    let new = channel("other", "items", "notes")
    bench.startSubscribed([items, notes, old])
    bench.perform(bench.machine.setChannels([new, items, both], now: bench.now))
    #expect(
      bench.takeSent() == [
        "phx_leave notes", "phx_leave other", "phx_join other", "phx_join both",
      ])
    // What still comes of the dropped ones is no surprise.
    bench.close(notes)
    bench.insert(1, notes)
    bench.insert(2, items)
    #expect(bench.takeEvents() == ["items: insert public.items 2"])
    #expect(bench.notices.isEmpty)
    bench.reply(new)
    bench.system(new)
    #expect(bench.takeEvents() == ["subscribed other"])
  }

  @Test func `a new key is pushed to every joined channel and used from then on`() {
    var bench = RealtimeBench(key: "old")
    bench.startSubscribed([items, notes])
    bench.perform(bench.machine.setKey(ServiceKey("new"), now: bench.now))
    #expect(
      bench.sent.map(\.text) == [
        #"["1","3","realtime:items","access_token",{"access_token":"new"}]"#,
        #"["2","4","realtime:notes","access_token",{"access_token":"new"}]"#,
      ])
    bench.forget()
    bench.perform(bench.machine.setKey(ServiceKey("new"), now: bench.now))
    #expect(bench.sent.isEmpty)
    bench.system(items)
    #expect(bench.takeEvents() == ["subscribed items again"])
    bench.end(.lost)
    bench.pass(.seconds(1))
    #expect(bench.requests.last?.url.contains("apikey=new&") == true)
    bench.open()
    #expect(bench.sent.last?.payload["access_token"]?.string == "new")
  }

  @Test func `a key that is no JWT needs a new socket`() {
    var bench = RealtimeBench(key: "old")
    bench.startSubscribed([items])
    bench.perform(bench.machine.setKey(ServiceKey("sb_secret_new"), now: bench.now))
    #expect(bench.closed == [1] && bench.sent.isEmpty)
    #expect(bench.takeEvents() == ["disconnected: server"])
    bench.pass(.seconds(1))
    #expect(bench.requests.last?.url.contains("apikey=sb_secret_new&") == true)
  }

  @Test func `a new key ends the wait for one`() {
    var bench = RealtimeBench(key: "old")
    bench.start([items])
    for _ in 0..<8 {
      bench.end(.refused(status: 401))
      bench.pass(bench.machine.nextDeadline! - bench.now)
    }
    bench.end(.refused(status: 401))
    bench.forget()
    bench.perform(bench.machine.setKey(ServiceKey("new"), now: bench.now))
    #expect(bench.requests.count == 1)

    bench = RealtimeBench(key: "old")
    bench.start([items])
    bench.open()
    bench.refuse(items, "InvalidJWTToken: no")
    bench.forget()
    bench.perform(bench.machine.setKey(ServiceKey("new"), now: bench.now))
    #expect(bench.takeSent() == ["phx_join items"])
    // A join that was still made with the older key is no reason for a long pause.
    bench.perform(bench.machine.setKey(ServiceKey("newer"), now: bench.now))
    bench.refuse(items, "InvalidJWTToken: no")
    #expect(bench.takeEvents() == ["ended items: token"])
  }
}
