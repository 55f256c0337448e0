import Transport

/// How long to wait before the next try: doubling, capped, with jitter, so that clients of one server do not come
/// back all at once.
///
/// | after try | seconds |
/// | ---: | --- |
/// | 1 | 0.25 – 0.5 |
/// | 2 | 0.5 – 1 |
/// | 3 | 1 – 2 |
/// | 4 | 2 – 4 |
/// | 5 | 4 – 8 |
/// | 6 | 8 – 16 |
/// | 7 and on | 15 – 30 |
package struct Backoff: Hashable, Sendable {
  package var first: Duration = .milliseconds(500)
  package var cap: Duration = .seconds(30)

  package init() {}

  /// - Parameters:
  ///   - tries: how many there were, from 1.
  ///   - random: from 0 to 1.
  package func wait(after tries: Int, random: Double) -> Duration {
    let full = min(cap, first * (1 << min(max(tries, 1) - 1, 20)))
    return full / 2 + full / 2 * min(max(random, 0), 1)
  }
}

/// Whether and when the client itself tries again.
struct Patience {
  var time: Duration
  var backoff = Backoff()

  /// A server may ask for more; then the error is the caller's, who may have other things to do.
  static let longestRetryAfter = Duration.seconds(300)
  /// A schema cache is loaded anew within seconds, or not at all.
  static let schemaCacheTries = 4
  /// An answer that cannot be read may come from something in between that restarts.
  static let unreadableTries = 3

  /// nil: no further try.
  func wait(
    after error: PostgRESTError, tries: Int, elapsed: Duration, random: Double
  ) -> Duration? {
    let wait: Duration
    switch (error.kind, Recovery(for: error)) {
    case (.transport(.cancelled), _): return nil
    case (.unreadable, _):
      guard tries < Self.unreadableTries else { return nil }
      wait = backoff.wait(after: tries, random: random)
    case (_, .awaitSchemaCache):
      guard tries < Self.schemaCacheTries else { return nil }
      wait = .milliseconds(750) + .milliseconds(500) * min(max(random, 0), 1)
    case (_, .retry):
      let asked = Duration.seconds(error.retryAfter ?? 0)
      wait = max(backoff.wait(after: tries, random: random), min(asked, Self.longestRetryAfter))
    default: return nil
    }
    return elapsed + wait < time ? wait : nil
  }
}

extension PostgREST {
  /// The one way to the server: sends, tries again what may be tried again, and turns everything that is no
  /// success into an error. A try that began in time is let finish.
  ///
  /// - Parameter read: what a 2xx answer says; throws where it is not what was asked for.
  func perform<Result>(
    _ call: Call, read: (HTTPAnswer) throws(PostgRESTError) -> Result
  ) async throws(PostgRESTError) -> Result {
    try await perform(call, on: clock, read: read)
  }

  private func perform<Result, C: Clock>(
    _ call: Call, on clock: C, read: (HTTPAnswer) throws(PostgRESTError) -> Result
  ) async throws(PostgRESTError) -> Result where C.Duration == Duration {
    try check(call)
    let request = call.request(to: project, origin: origin, limits: limits)
    let patience = Patience(time: limits.retryTime)
    let start = clock.now
    var tries = 0
    // Waiting for a turn says nothing of the server.
    var queued = Duration.zero
    while true {
      tries += 1
      let error: PostgRESTError
      do {
        return try read(await answer(to: request, of: call, &queued))
      } catch let failure {
        error = failure
      }
      let elapsed = start.duration(to: clock.now) - queued
      guard
        let wait = patience.wait(
          after: error, tries: tries, elapsed: elapsed, random: random())
      else { throw error.after(tries: tries, elapsed: elapsed) }
      do {
        try await clock.sleep(for: wait)
      } catch {
        throw failure(of: call, .transport(.cancelled), "the request was cancelled")
      }
    }
  }

  /// What would end a header early never gets into one.
  private func check(_ call: Call) throws(PostgRESTError) {
    let texts = [call.schema, project.key.secret]
    guard texts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }) else {
      throw failure(
        of: call, .unwritable, "the schema's name or the key holds a control character")
    }
  }

  private func answer(
    to request: HTTPRequest, of call: Call, _ queued: inout Duration
  ) async throws(PostgRESTError) -> HTTPAnswer {
    let answer: HTTPAnswer
    do {
      answer = try await transport.send(request)
      queued += answer.queued
    } catch {
      queued += error.queued
      // More is said after it.
      let words = error.description
      throw failure(
        of: call, .transport(error.kind), words.hasSuffix(".") ? String(words.dropLast()) : words)
    }
    if (200..<300).contains(answer.status) { return answer }
    let message = ServerMessage(answer)
    throw PostgRESTError(
      kind: .server(status: answer.status, code: message.code), project: project.role,
      table: call.table, message: sentence(of: call, message.sentence),
      retryAfter: answer.retryAfter, subject: message.subject, isWrite: call.isWrite,
      finding: message.finding)
  }

  func failure(
    of call: Call, _ kind: PostgRESTError.Kind, _ text: String
  ) -> PostgRESTError {
    PostgRESTError(
      kind: kind, project: project.role, table: call.table, message: sentence(of: call, text),
      isWrite: call.isWrite)
  }

  /// `target, public.items: …`
  private func sentence(of call: Call, _ text: String) -> String {
    project.role + (call.table.map { ", \($0)" } ?? "") + ": " + text
  }
}

extension PostgRESTError {
  /// The same, and how long it was tried.
  fileprivate func after(tries: Int, elapsed: Duration) -> PostgRESTError {
    guard tries > 1 else { return self }
    return PostgRESTError(
      kind: kind, project: project, table: table,
      message: "\(message); tried \(tries) times in \(elapsed.components.seconds) s",
      retryAfter: retryAfter, subject: subject, isWrite: isWrite, finding: finding)
  }
}
