import Testing
import Transport

struct PacedTransportTests {
  private static let request = HTTPRequest(method: "GET", url: "http://localhost/")

  /// Keeps requests until they are let go, or cancelled; what it is asked for is their URL.
  private final class Gate: HTTPTransport {
    struct State {
      var open = false
      var urls: [String] = []
      var held: [Int: CheckedContinuation<Bool, Never>] = [:]
      var cancelled: Set<Int> = []
      var most = 0
    }
    let state = Locked(State())

    init(open: Bool = false) { state.withLock { $0.open = open } }

    var urls: [String] { state.withLock { $0.urls } }
    var held: Int { state.withLock { $0.held.count } }
    var most: Int { state.withLock { $0.most } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
      let id = state.withLock { state in
        state.urls.append(request.url)
        return state.urls.count
      }
      let isAnswered = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let now = state.withLock { state -> Bool? in
            if state.cancelled.contains(id) { return false }
            state.most = max(state.most, state.held.count + 1)
            if state.open { return true }
            state.held[id] = continuation
            return nil
          }
          if let now { continuation.resume(returning: now) }
        }
      } onCancel: {
        let held = state.withLock { state in
          state.cancelled.insert(id)
          return state.held.removeValue(forKey: id)
        }
        held?.resume(returning: false)
      }
      guard isAnswered else { throw HTTPError(.cancelled, "cancelled") }
      return HTTPAnswer(status: 200)
    }

    /// Ends one of the requests that are held.
    func letGo() {
      let held = state.withLock { state in
        state.held.keys.randomElement().flatMap { state.held.removeValue(forKey: $0) }
      }
      held?.resume(returning: true)
    }
  }

  private func yield(until condition: () -> Bool) async throws {
    while !condition() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: [1, 3])
  func `there are never more at once, whoever is cancelled, and no place is lost`(most: Int)
    async throws
  {
    let gate = Gate()
    let paced = PacedTransport(gate, Pace(most: most))
    var tasks: [Task<Bool, Never>] = []
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      tasks.append(Task { (try? await paced.send(Self.request)) != nil })
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: tasks.randomElement(using: &generator)?.cancel()
      case 1: gate.letGo()
      case 2: await Task.yield()
      default: break
      }
    }
    for task in tasks where Bool.random(using: &generator) { task.cancel() }
    let letting = Task {
      while !Task.isCancelled {
        gate.letGo()
        await Task.yield()
      }
    }
    var answered = 0
    for task in tasks where await task.value { answered += 1 }
    letting.cancel()
    await letting.value
    #expect(gate.most == most && paced.waiting == 0)
    #expect(answered > 0 && answered < 2_000)

    let last = (0..<most + 1).map { _ in Task { try await paced.send(Self.request) } }
    try await yield { gate.held == most && paced.waiting == 1 }
    for _ in last {
      try await yield { gate.held > 0 }
      gate.letGo()
    }
    for task in last { _ = try await task.value }
  }

  @Test(.timeLimit(.minutes(1))) func `requests go out in the order they came`() async throws {
    let gate = Gate()
    let paced = PacedTransport(gate, Pace(most: 1))
    var tasks: [Task<HTTPAnswer, any Error>] = []
    for number in 0..<50 {
      tasks.append(
        Task {
          try await paced.send(HTTPRequest(method: "GET", url: "http://localhost/\(number)"))
        })
      try await yield { gate.held + paced.waiting == number + 1 }
    }
    for number in stride(from: 5, to: 50, by: 5) { tasks[number].cancel() }
    for number in 0..<50 where number == 0 || number % 5 != 0 {
      try await yield { gate.held > 0 }
      gate.letGo()
      _ = try await tasks[number].value
    }
    let expected = (0..<50).filter { $0 == 0 || $0 % 5 != 0 }.map { "http://localhost/\($0)" }
    #expect(gate.urls == expected)
  }

  @Test(.timeLimit(.minutes(1)))
  func `bodies of both directions keep to the rate, and the answers say who waited`() async throws {
    let clock = ManualClock()
    let answer = HTTPAnswer(status: 200, body: [UInt8](repeating: 0, count: 30_000))
    let transport = ScriptedTransport([], repeating: .answer(answer))
    let paced = PacedTransport(transport, Pace(most: 4, bytesPerSecond: 100_000), clock: clock)
    var request = Self.request
    request.body = [UInt8](repeating: 0, count: 20_000)
    var queued = Duration.zero
    for _ in 0..<40 { queued += try await paced.send(request).queued }
    // 40 times 50,000 bytes, less the second's worth that was there at the beginning.
    let elapsed = ManualClock.Instant().duration(to: clock.now)
    #expect(elapsed > .seconds(18) && elapsed < .seconds(20), "\(elapsed)")
    #expect(queued == elapsed)
  }

  @Test(.timeLimit(.minutes(1))) func `an error is the caller's, and gives its place back`()
    async throws
  {
    let transport = ScriptedTransport(
      [], repeating: .failure(HTTPError(.interrupted, "cut")))
    let paced = PacedTransport(transport, Pace(most: 1))
    for _ in 0..<3 {
      let error = await #expect(throws: HTTPError.self) { try await paced.send(Self.request) }
      #expect(error?.kind == .interrupted)
    }
  }
}

struct PaceTests {
  /// What is on its way in a simulation.
  private struct Flight {
    let end: Duration
    let reserved: Double
    let bytes: Int
    let answer: Int
  }

  /// As many requests as the pace lets through in this time, always with another one waiting.
  /// - Returns: when each ended, with its bytes.
  private func simulate(
    _ pace: Pace, for time: Duration, _ generator: inout some RandomNumberGenerator,
    answers: ClosedRange<Int>, bodies: ClosedRange<Int>, durations: ClosedRange<Int>
  ) -> [(time: Duration, bytes: Int)] {
    var pace = pace
    var now = Duration.zero
    var flights: [Flight] = []
    var most = 0
    var ended: [(Duration, Int)] = []
    var body = Int.random(in: bodies, using: &generator)
    while now < time {
      var wake = Duration.seconds(1_000_000)
      switch pace.next(bytes: body, at: now) {
      case .begin(let reserved):
        let length = Duration.milliseconds(Int.random(in: durations, using: &generator))
        flights.append(
          Flight(
            end: now + length, reserved: reserved, bytes: body,
            answer: Int.random(in: answers, using: &generator)))
        body = Int.random(in: bodies, using: &generator)
        most = max(most, pace.underWay)
        continue
      case .wait: break
      case .pause(let pause):
        guard pause > .zero else {
          Issue.record("a pause of no time would go on for ever")
          return ended
        }
        wake = now + pause
      }
      guard let index = flights.indices.min(by: { flights[$0].end < flights[$1].end }),
        flights[index].end <= wake
      else {
        now = wake
        continue
      }
      let flight = flights.remove(at: index)
      now = max(now, flight.end)
      pace.end(reserved: flight.reserved, bytes: flight.bytes, answer: flight.answer, at: now)
      ended.append((now, flight.bytes + flight.answer))
    }
    #expect(most <= pace.most)
    return ended
  }

  @Test(arguments: [
    (100_000, 1_000...5_000, 0...0), (100_000, 200...200_000, 0...100),
    (1_000_000, 0...20, 1_000...100_000), (50_000, 300_000...400_000, 0...0),
  ])
  func `over any window the rate is kept, and used`(
    rate: Int, answers: ClosedRange<Int>, bodies: ClosedRange<Int>
  ) {
    var generator = SystemRandomNumberGenerator()
    let ended = simulate(
      Pace(most: 4, bytesPerSecond: rate), for: .seconds(300), &generator, answers: answers,
      bodies: bodies, durations: 1...40)
    let largest = answers.upperBound + bodies.upperBound
    // A second's worth that was saved, and what was on its way at once.
    let allowance = Double(rate) + 5 * Double(largest)
    var excess = -Double.infinity
    for start in stride(from: 0, to: ended.count, by: 7) {
      var sum = 0
      for (time, bytes) in ended[start...] {
        sum += bytes
        let window = (time - ended[start].time) / .seconds(1)
        excess = max(excess, Double(sum) - window * Double(rate) - allowance)
      }
    }
    #expect(excess <= 0)
    let total = ended.reduce(0) { $0 + $1.bytes }
    #expect(total > 300 * rate * 8 / 10, "the budget is not left unused")
  }

  @Test func `without a rate only the number counts`() {
    var pace = Pace(most: 2)
    #expect(pace.next(bytes: 1 << 40, at: .zero) == .begin(reserved: 0))
    #expect(pace.next(bytes: 1, at: .zero) == .begin(reserved: 0))
    #expect(pace.next(bytes: 1, at: .zero) == .wait)
    pace.end(reserved: 0, bytes: 1 << 40, answer: nil, at: .zero)
    #expect(pace.next(bytes: 1, at: .zero) == .begin(reserved: 0))
  }

  @Test func `what came too early is waited for, and large answers are foreseen`() {
    var pace = Pace(most: 4, bytesPerSecond: 1_000)
    #expect(pace.next(bytes: 0, at: .zero) == .begin(reserved: 0))
    pace.end(reserved: 0, bytes: 0, answer: 3_000, at: .zero)
    // 2,000 are owed, and the next one is to have the thousand that may be saved.
    #expect(pace.next(bytes: 0, at: .zero) == .pause(.milliseconds(3_001)))
    #expect(pace.next(bytes: 0, at: .seconds(1)) == .pause(.milliseconds(2_001)))
    #expect(pace.next(bytes: 0, at: .seconds(3)) == .begin(reserved: 3_000))
    // A small answer gives back what it did not need.
    pace.end(reserved: 3_000, bytes: 0, answer: 10, at: .seconds(3))
    #expect(pace.next(bytes: 0, at: .milliseconds(3_010)) == .begin(reserved: 2_625))
  }
}
