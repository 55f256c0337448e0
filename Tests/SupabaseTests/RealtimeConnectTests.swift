import JSON
import Testing
import Transport

@testable import Supabase

private let items = channel("items", "items")
private let notes = channel("notes", "notes")

@Suite struct RealtimeConnectTests {
  @Test(arguments: [
    (
      "http://localhost:54321", "k", "ws://localhost:54321/realtime/v1/websocket?apikey=k&vsn=2.0.0"
    ),
    (
      "https://abc.supabase.co", "a.b-c_d",
      "wss://abc.supabase.co/realtime/v1/websocket?apikey=a.b-c_d&vsn=2.0.0"
    ),
    (
      "https://host/pre/fix", "a+b/c=&d?",
      "wss://host/pre/fix/realtime/v1/websocket?apikey=a%2Bb%2Fc%3D%26d%3F&vsn=2.0.0"
    ),
  ])
  func `the socket's address keeps the project's prefix and encodes the key`(
    url: String, key: String, address: String
  ) {
    var options = RealtimeOptions()
    options.caFile = "/ca.pem"
    var bench = RealtimeBench(key: key, url: url, options: options)
    bench.start([items])
    #expect(bench.requests.map(\.url) == [address])
    #expect(bench.requests.first?.caFile == "/ca.pem")
    #expect(bench.requests.first?.headers.fields.isEmpty == true)
  }

  @Test func `without channels there is no socket`() {
    var bench = RealtimeBench()
    bench.start([])
    #expect(bench.requests.isEmpty && bench.machine.nextDeadline == nil)
    bench.perform(bench.machine.setChannels([items], now: bench.now))
    #expect(bench.requests.count == 1)
  }

  @Test(arguments: [
    (WebSocketError.Kind.refused(status: 401), FeedProblem.Kind.token, "service_role"),
    (.refused(status: 403), .token, "the key"),
    (.refused(status: 404), .connection, "URL"),
    (.refused(status: 429), .limit, "limit"),
    (.refused(status: 500), .connection, "Realtime"),
    (.refused(status: 502), .connection, "Realtime"),
    (.closed(code: 1000), .server, "closed"),
    (.closed(code: 1001), .server, "closed"),
    (.closed(code: 1012), .server, "closed"),
    (.closed(code: 4000), .server, "closed"),
    (.closed(code: nil), .server, "closed"),
    (.lost, .connection, "lost"),
    (.timedOut, .connection, "lost"),
    (.cannotConnect, .connection, "reached"),
    (.nameNotResolved, .connection, "reached"),
    (.tls, .connection, "reached"),
    (.badURL, .connection, "reached"),
    (.tooLarge, .connection, "huge"),
    (.other, .connection, "lost"),
  ])
  func `every end is told and followed by another try`(
    kind: WebSocketError.Kind, problem: FeedProblem.Kind, word: String
  ) {
    for isOpen in [false, true] {
      var bench = RealtimeBench()
      bench.start([items])
      if isOpen { bench.open() }
      bench.forget()
      bench.end(kind, "localhost said no.")
      #expect(bench.events.count == 1 && bench.events.first?.problem?.kind == problem)
      #expect(bench.events.first?.problem?.description.contains(word) == true)
      #expect(bench.events.first?.problem?.description.contains("said no)") == true)
      bench.pass(.seconds(61))
      #expect(bench.requests.count == 1)
    }
  }

  @Test func `tries come slower up to half a minute`() {
    for (random, cap) in [(0.0, 15.0), (1.0, 30.0)] {
      var bench = RealtimeBench(random: random)
      bench.start([items])
      var waits: [Double] = []
      for _ in 0..<12 {
        let before = bench.now
        bench.end(.cannotConnect)
        bench.pass(bench.machine.nextDeadline! - bench.now)
        waits.append((bench.now - before) / .seconds(1))
      }
      #expect(bench.requests.count == 13)
      #expect(waits.first! == (random == 0 ? 0.25 : 0.5))
      #expect(waits == waits.sorted() && waits.last == cap)
    }
  }

  @Test func `a limit is given half a minute at the least`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.end(.refused(status: 429))
    bench.pass(.seconds(29.9))
    #expect(bench.requests.count == 1)
    bench.pass(.seconds(0.2))
    #expect(bench.requests.count == 2)
  }

  @Test func `only a subscription that lasted makes the next try quick again`() {
    var bench = RealtimeBench()
    bench.start([items])
    func fail(after time: Duration) -> Duration {
      if bench.machine.connection == nil { bench.pass(.seconds(30)) }
      bench.open()
      bench.reply(items)
      bench.system(items)
      // In steps, as heartbeats must be answered.
      for _ in 0..<Int(time / .seconds(1)) {
        bench.pass(.seconds(1))
        if bench.sent.contains(where: { $0.event == "heartbeat" }) { bench.answerHeartbeat() }
      }
      bench.end(.closed(code: 1000))
      return bench.machine.nextDeadline! - bench.now
    }
    var waits: [Duration] = []
    for _ in 0..<8 { waits.append(fail(after: .seconds(20))) }
    #expect(waits.last == .seconds(15))
    #expect(fail(after: .seconds(31)) == .seconds(0.25))
  }

  @Test func `what comes of an older connection is dropped`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    let old = bench.machine.connection!
    bench.end(.lost)
    bench.pass(.seconds(1))
    bench.open()
    bench.forget()
    let text = Array(#"["1","1","realtime:items","phx_close",{}]"#.utf8)
    bench.perform(bench.machine.received(.text(text), connection: old, now: bench.now))
    bench.perform(
      bench.machine.ended(WebSocketError(.lost, "late"), connection: old, now: bench.now))
    bench.perform(bench.machine.opened(connection: old, now: bench.now))
    #expect(bench.events.isEmpty && bench.machine.connection == old + 1)
    #expect(bench.machine.statistics.messages == 2)
  }

  @Test func `every channel is joined again on the new socket`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items, notes])
    let join = bench.join(items)
    bench.end(.closed(code: 1012))
    bench.pass(.seconds(1))
    bench.open()
    #expect(bench.takeEvents() == ["disconnected: server", "connected"])
    #expect(bench.takeSent() == ["phx_join items", "phx_join notes"])
    #expect(bench.join(items) > join)
  }

  @Test func `a commanded reconnect is told and comes with backoff`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    let old = bench.machine.connection!
    bench.perform(bench.machine.reconnect(now: bench.now))
    #expect(bench.closed == [old])
    #expect(bench.takeEvents() == ["disconnected: server"])
    #expect(bench.requests.isEmpty)
    bench.perform(bench.machine.reconnect(now: bench.now))
    #expect(bench.takeEvents().isEmpty)
    bench.pass(.seconds(0.3))
    #expect(bench.requests.count == 1)
  }

  @Test func `stopping closes the socket and tells nothing`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.perform(bench.machine.stop(now: bench.now))
    #expect(bench.closed == [1] && bench.events.isEmpty && bench.machine.nextDeadline == nil)
    bench.perform(bench.machine.start(now: bench.now))
    bench.open()
    #expect(bench.takeSent() == ["phx_join items"])
  }

  @Test(arguments: [serviceJWT, "sb_secret_abc+def", "odd key/with=signs"])
  func `no sentence ever holds the key`(key: String) {
    var bench = RealtimeBench(key: key)
    let encoded = percentEncoded(key, leaving: "")
    bench.start([items])
    bench.end(.cannotConnect, "no way to ws://h/?apikey=\(encoded)")
    bench.pass(.seconds(1))
    bench.open()
    bench.refuse(items, "InvalidJWTToken: \(key)\u{7}\n is \(encoded)")
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    bench.reply(items)
    bench.system(items, status: "error", "Unable to subscribe to changes \(key)")
    // The key of before is a key still.
    bench.perform(bench.machine.setKey(ServiceKey("eyJ.other"), now: bench.now))
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    bench.reply(items)
    bench.system(items, extension: "system", status: "error", "\(key) and eyJ.other")
    let problems = bench.events.compactMap(\.problem?.description)
    #expect(problems.count == 4)
    for problem in problems {
      #expect(!problem.contains(key) && !problem.contains(encoded))
      #expect(!problem.contains("eyJ.other"))
      #expect(problem.utf8.allSatisfy { $0 >= 0x20 })
    }
    #expect(!"\(bench.machine.key)".contains("eyJ"))
  }
}

@Suite struct RealtimeHeartbeatTests {
  @Test func `heartbeats go out every 25 seconds while they are answered`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    for round in 1...10 {
      bench.pass(.seconds(25))
      #expect(bench.takeSentCount("heartbeat") == round)
      bench.answerHeartbeat()
    }
    #expect(bench.events.isEmpty)
    #expect(bench.sent.allSatisfy { $0.joinRef == nil && $0.topic == "phoenix" })
  }

  @Test func `an unanswered heartbeat ends the socket, whatever else comes in`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.pass(.seconds(25))
    for id in 1...14 {
      bench.pass(.seconds(1))
      bench.insert(id, items)
      bench.receive(#"[null,"77","phoenix","phx_reply",{"status":"ok","response":{}}]"#)
    }
    #expect(bench.closed.isEmpty)
    bench.pass(.seconds(1.1))
    #expect(bench.closed == [1])
    #expect(bench.takeEvents().last == "disconnected: connection")
    #expect(bench.machine.nextDeadline != nil)
  }

  @Test func `joins in flight hold a heartbeat's reply up`() {
    var options = RealtimeOptions()
    options.joinLimit = .seconds(20)
    var bench = RealtimeBench(options: options)
    bench.start([items, notes])
    bench.open()
    bench.pass(.seconds(10))
    bench.perform(bench.machine.rejoin("items", now: bench.now))
    bench.pass(.seconds(15))
    #expect(bench.takeSentCount("heartbeat") == 1)
    // 15 s, and 20 s for each of the two joins; those that are tried again meanwhile give no more.
    bench.pass(.seconds(54))
    #expect(bench.closed.isEmpty && bench.takeSentCount("phx_join") > 3)
    bench.pass(.seconds(1.1))
    #expect(bench.closed == [1])
  }

  @Test func `time in which nothing is read counts for no limit, and heartbeats go on`() {
    var bench = RealtimeBench()
    bench.startSubscribed([items])
    bench.pass(.seconds(24))
    bench.machine.readingPauses(now: bench.now)
    bench.pass(.seconds(1_000))
    #expect(bench.takeSentCount("heartbeat") == 40)
    #expect(bench.closed.isEmpty && bench.events.isEmpty)
    bench.machine.readingGoesOn(now: bench.now)
    bench.pass(.seconds(14.9))
    #expect(bench.closed.isEmpty)
    bench.answerHeartbeat()
    #expect(bench.machine.nextDeadline ?? .zero > bench.now + .seconds(1))
    // Now it is read again, and the next one is missed.
    bench.pass(.seconds(60))
    #expect(bench.closed == [1])
  }

  @Test func `a join's answer may wait behind a slow receiver`() {
    var bench = RealtimeBench()
    bench.start([items])
    bench.open()
    bench.forget()
    bench.machine.readingPauses(now: bench.now)
    bench.pass(.seconds(100))
    bench.machine.readingGoesOn(now: bench.now)
    bench.pass(.seconds(10))
    #expect(bench.events.isEmpty)
    bench.reply(items)
    bench.machine.readingPauses(now: bench.now)
    bench.pass(.seconds(100))
    bench.machine.readingGoesOn(now: bench.now)
    bench.system(items)
    #expect(bench.takeEvents() == ["subscribed items"])
  }
}

extension RealtimeBench {
  func takeSentCount(_ event: String) -> Int { sent.count { $0.event == event } }
}
