import JSON
import Testing
import Transport

@testable import Supabase

struct RetryTests {
  static let query = ReadQuery(table: TableName(name: "t"), columns: ["id"], limit: 10)
  static let busy = json(
    503, #"{"code":"PGRST001","details":null,"hint":null,"message":"busy"}"#)
  static let fine = json(200, #"[{"id":1}]"#, [HTTPHeader("Content-Range", "0-0/*")])
  static let html = HTTPAnswer(
    status: 200, headers: [HTTPHeader("content-type", "text/html; charset=utf-8")],
    body: Array("<html>".utf8))

  @Test(arguments: [
    (1, 0.0, 0.25), (1, 1.0, 0.5), (2, 0.0, 0.5), (2, 1.0, 1), (3, 1.0, 2), (4, 0.5, 3),
    (5, 1.0, 8), (6, 0.0, 8), (7, 0.0, 15), (7, 1.0, 30), (8, 1.0, 30), (1000, 1.0, 30),
    (0, 1.0, 0.5), (3, 7.0, 2),
  ])
  func `waits are those of the table`(tries: Int, random: Double, seconds: Double) {
    #expect(Backoff().wait(after: tries, random: random) == .seconds(seconds))
  }

  @Test func `what passes is tried again until it is over`() async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport([
      .answer(Self.busy), .failure(HTTPError(.interrupted, "cut")),
      .answer(HTTPAnswer(status: 502)), .answer(Self.fine),
    ])
    let page = try await client(transport, clock: clock).read(Self.query)
    #expect(page.rows.count == 1)
    #expect(clock.sleeps == [.seconds(0.5), .seconds(1), .seconds(2)])
  }

  @Test func `when the time is over, the last error says how long it was tried`() async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport([], repeating: .answer(Self.busy))
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(transport, clock: clock).read(Self.query)
    }
    #expect(error?.kind == .server(status: 503, code: "PGRST001"))
    // 0.5 + 1 + 2 + 4 + 8 + 16 + 30 + 30: the next 30 would end after 120.
    #expect(clock.sleeps.count == 8)
    #expect(error?.message == "target, public.t: busy (PGRST001); tried 9 times in 91 s")
  }

  @Test func `a wait for its turn takes no time from a request's tries`() async throws {
    let clock = ManualClock()
    func late(queued: Duration) -> ScriptedTransport.Step {
      .reply { _ in
        clock.advance(by: .seconds(500))
        var answer = Self.busy
        answer.queued = queued
        return answer
      }
    }
    var cut = HTTPError(.interrupted, "cut")
    cut.queued = .seconds(499)
    let transport = ScriptedTransport([
      late(queued: .seconds(400)), .failure(cut), late(queued: .zero), .answer(Self.fine),
    ])
    #expect(try await client(transport, clock: clock).read(Self.query).rows.count == 1)
  }

  @Test(arguments: [
    ("7", [Duration.seconds(7)]), ("0", [.seconds(0.5)]), ("-3", [.seconds(0.5)]),
    ("soon", [.seconds(0.5)]), ("Sun, 06 Nov 1994 08:49:47 GMT", [.seconds(10)]),
    // Longer than there is time for: the caller has the error at once.
    ("120", []), ("99999999999", []),
  ])
  func `Retry-After is honoured`(text: String, sleeps: [Duration]) async throws {
    let clock = ManualClock()
    var first = Self.busy
    first.headers.fields += [
      HTTPHeader("Retry-After", text), HTTPHeader("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ]
    let transport = ScriptedTransport([.answer(first), .answer(Self.fine)])
    let page = try? await client(transport, clock: clock).read(Self.query)
    #expect(clock.sleeps == sleeps)
    #expect((page == nil) == sleeps.isEmpty)
  }

  @Test func `a slow failure uses up the time as well`() async throws {
    let clock = ManualClock()
    let transport = ScriptedTransport(
      [],
      repeating: .reply { _ in
        clock.advance(by: .seconds(60))
        return Self.busy
      })
    _ = try? await client(transport, clock: clock).read(Self.query)
    #expect(transport.requests.count == 2)
  }

  @Test(arguments: [
    // Rows are at fault, or a person is needed: no second try.
    (json(409, #"{"code":"23505","message":"m"}"#), 1),
    (json(400, #"{"code":"22P02","message":"m"}"#), 1),
    (json(500, #"{"code":"57014","message":"m"}"#), 1),
    (json(401, #"{"code":"PGRST301","message":"JWT expired"}"#), 1),
    (HTTPAnswer(status: 413), 1),
    (HTTPAnswer(status: 301, headers: [HTTPHeader("Location", "https://other.example/a?b")]), 1),
    (HTTPAnswer(status: 540), 1),
    // A cache that is being loaded, an answer from something in between: a few.
    (json(404, "{}"), 4),
    (json(400, #"{"code":"PGRST204","message":"m"}"#), 4),
    (html, 3),
  ])
  func `what another try cannot change is thrown soon`(answer: HTTPAnswer, tries: Int) async {
    let transport = ScriptedTransport([], repeating: .answer(answer))
    await #expect(throws: PostgRESTError.self) {
      try await client(transport).upsert(
        Array("[{}]".utf8), into: TableName(name: "t"), keyColumns: ["id"], columns: ["id"])
    }
    #expect(transport.requests.count == tries)
  }

  @Test func `a write that timed out is not sent again as large as it was`() async {
    let transport = ScriptedTransport([.failure(HTTPError(.timedOut, "slow"))])
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(transport).upsert(
        Array("[{}]".utf8), into: TableName(name: "t"), keyColumns: ["id"], columns: ["id"])
    }
    #expect(error.map { Recovery(for: $0) } == .shrink)
  }

  @Test func `cancelling ends a wait at once`() async {
    let transport = ScriptedTransport([], repeating: .answer(Self.busy))
    let clock = EndlessClock()
    let task = Task {
      try await client(transport, clock: clock).read(Self.query)
    }
    await clock.firstSleep()
    task.cancel()
    let error = await #expect(throws: PostgRESTError.self) { try await task.value }
    #expect(error?.kind == .transport(.cancelled))
    #expect(transport.requests.count == 1)
  }

  @Test func `a request that was cancelled is not sent again`() async {
    let clock = ManualClock()
    let transport = ScriptedTransport([.failure(HTTPError(.cancelled, "cancelled"))])
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(transport, clock: clock).read(Self.query)
    }
    #expect(error?.kind == .transport(.cancelled))
    #expect(clock.sleeps.isEmpty)
  }

  @Test func `a redirect is not followed, and names only the host`() async {
    let answer = HTTPAnswer(
      status: 308, headers: [HTTPHeader("Location", "https://other.example/x?apikey=hush")])
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([.answer(answer)])).read(Self.query)
    }
    #expect(
      error?.message == "target, public.t: it redirects (308) to https://other.example")
  }
}

/// A clock whose sleeps end only by cancellation.
final class EndlessClock: Clock {
  private let sleeping = AsyncStream<Void>.makeStream()

  var now: ContinuousClock.Instant { .now }
  var minimumResolution: Duration { .zero }

  func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
    sleeping.continuation.yield()
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    await withTaskCancellationHandler {
      for await _ in stream {}
    } onCancel: {
      continuation.finish()
    }
    throw CancellationError()
  }

  func firstSleep() async {
    for await _ in sleeping.stream { return }
  }
}
