import Testing
import Transport

@testable import Supabase

/// Answers in the order of its script, and keeps what was asked.
final class ScriptedTransport: HTTPTransport {
  enum Step: Sendable {
    case answer(HTTPAnswer)
    case failure(HTTPError)
    /// An answer that depends on the request.
    case reply(@Sendable (HTTPRequest) -> HTTPAnswer)
  }

  private let script: Locked<[Step]>
  private let sent = Locked<[HTTPRequest]>([])
  private let last: Step?

  /// - Parameter repeating: what is answered when the script is over; without it the test fails there.
  init(_ script: [Step], repeating last: Step? = nil) {
    self.script = Locked(script)
    self.last = last
  }

  var requests: [HTTPRequest] { sent.withLock { $0 } }

  func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    sent.withLock { $0.append(request) }
    let step = script.withLock { $0.isEmpty ? nil : $0.removeFirst() } ?? last
    switch step {
    case .answer(let answer): return answer
    case .failure(let error): throw error
    case .reply(let reply): return reply(request)
    case nil:
      Issue.record("a request too many")
      throw HTTPError(.badURL, "a request too many")
    }
  }
}

/// A clock that stands still but for sleeping, which takes no time.
final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration = .zero
    func advanced(by duration: Duration) -> Self { Self(offset: offset + duration) }
    func duration(to other: Self) -> Duration { other.offset - offset }
    static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
  }

  private let state = Locked<(now: Instant, sleeps: [Duration])>((Instant(), []))

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .zero }
  var sleeps: [Duration] { state.withLock { $0.sleeps } }

  func advance(by duration: Duration) {
    state.withLock { $0.now = $0.now.advanced(by: duration) }
  }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    state.withLock { state in
      state.sleeps.append(state.now.duration(to: deadline))
      state.now = max(state.now, deadline)
    }
  }
}

func json(_ status: Int, _ body: String, _ headers: [HTTPHeader] = []) -> HTTPAnswer {
  HTTPAnswer(
    status: status,
    headers: HTTPHeaders(
      [HTTPHeader("Content-Type", "application/json; charset=utf-8")] + headers),
    body: Array(body.utf8))
}

func client(
  _ transport: any HTTPTransport, key: String = serviceJWT, limits: RequestLimits = .init(),
  clock: any Clock<Duration> = ManualClock()
) -> PostgREST {
  PostgREST(
    project: Project(
      role: "target", url: ProjectURL("http://localhost:54321")!, key: ServiceKey(key)),
    origin: "primary", transport: transport, limits: limits, clock: clock, random: { 1 })
}
