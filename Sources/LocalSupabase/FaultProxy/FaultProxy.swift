package import Transport

/// Stands between a mirror and any Supabase project, local or hosted, and breaks what it is told to break.
/// It speaks HTTP on 127.0.0.1 and reaches the project through a transport, so TLS is the transport's.
///
/// Where the upstream itself cannot be reached or its answer is cut, the connection is reset: to the mirror
/// a broken project looks broken.
package final class FaultProxy: Sendable {
  /// One request that arrived, for assertions. Headers and bodies are not kept.
  package struct Record: Hashable, Sendable {
    package let method: String
    /// Path and query as sent.
    package let target: String

    package init(method: String, target: String) {
      self.method = method
      self.target = target
    }
  }

  /// `http://127.0.0.1:<port>`; takes the place of the upstream's URL.
  package var url: String { "http://127.0.0.1:\(port)" }
  package var port: Int { server.port }

  private let server: HTTPServer
  private let course: FaultCourse

  /// - Parameters:
  ///   - upstream: the project's URL; the path of a request is put behind it.
  ///   - timeLimit: of each forwarded request.
  ///   - clock: measures latencies.
  ///   - faults: see `setFaults`.
  package static func start(
    upstream: String, transport: any HTTPTransport, port: Int = 0,
    timeLimit: Duration = .seconds(300), maximumAnswerBytes: Int = 256 << 20,
    clock: any Clock<Duration> = ContinuousClock(),
    faults: @escaping FaultScript = { _, _ in .none }
  ) throws(ServerError) -> FaultProxy {
    let base = upstream.hasSuffix("/") ? String(upstream.dropLast()) : upstream
    let course = FaultCourse(faults)
    let server = try HTTPServer.start(port: port) { request in
      let fault = course.arrived(request)
      return await deal(fault, course, clock) {
        let forwarded = Forwarding.request(
          request, to: base, timeLimit: timeLimit, maximumAnswerBytes: maximumAnswerBytes)
        guard let answer = try? await transport.send(forwarded) else {
          course.upstreamFailed()
          return ServerAnswer(ending: .reset)
        }
        return Forwarding.answer(answer, to: request)
      }
    }
    return FaultProxy(server, course)
  }

  private init(_ server: HTTPServer, _ course: FaultCourse) {
    self.server = server
    self.course = course
  }

  /// Decides about every request from now on; those under way keep the fault they have. The numbers go on.
  package func setFaults(_ faults: @escaping FaultScript) { course.setFaults(faults) }

  /// Lets everything pass from now on.
  package func clearFaults() { setFaults { _, _ in .none } }

  /// How many requests have arrived.
  package var requestsSeen: Int { course.records.count }

  /// How many of them were given anything but `none`.
  package var faultsDealt: Int { course.faultsDealt }

  /// How many forwarded requests had no answer of the upstream.
  package var upstreamFailures: Int { course.upstreamFailures }

  /// Every request that arrived, in order.
  package var requests: [Record] { course.records }

  /// Returns when the request of this number, counted from 1, has arrived and is recorded; at once if it
  /// has. It may not be forwarded yet. Throws where the task is cancelled or the proxy stops.
  package func waitForRequest(_ number: Int) async throws(CancellationError) {
    try await course.waitForRequest(number)
  }

  /// Ends every connection and forwarding under way.
  package func stop() async {
    course.stop()
    await server.stop()
  }
}

/// Carries out one fault. `forward` is called at most once.
private func deal(
  _ fault: Fault, _ course: FaultCourse, _ clock: any Clock<Duration>,
  forward: @escaping @Sendable () async -> ServerAnswer
) async -> ServerAnswer {
  switch fault {
  case .none:
    return await forward()
  case .latency(let duration):
    // A cancelled wait means that the client is gone: nothing is to be forwarded for it.
    guard (try? await clock.sleep(for: duration)) != nil else {
      return ServerAnswer(ending: .reset)
    }
    return await forward()
  case .cut(let count):
    var answer = await forward()
    if case .keepAlive = answer.ending { answer.ending = .cut(afterBodyBytes: count) }
    return answer
  case .afterForwarding(let later):
    // The work is to be done even if the client does not wait for it.
    let answer = await course.unbroken(forward)
    return await deal(later, course, clock) { answer }
  case .reset, .silence, .status, .htmlErrorPage:
    return fault.ownAnswer ?? ServerAnswer(ending: .reset)
  }
}
