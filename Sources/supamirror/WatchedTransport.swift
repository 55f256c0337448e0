import Mirror
import Transport

/// Sees every exchange with one project: whether it is up, and whether what was sent is answered at all.
final class WatchedTransport: HTTPTransport {
  private let transport: any HTTPTransport
  private let role: String
  private let url: String
  private let log: Log
  private let state = Locked(State())

  private struct State {
    var downSince: Int64?
    var problem = ""
    var pending = 0
    /// When the oldest request began that nothing came of, since the last one of which something did.
    var waitingSince: ContinuousClock.Instant?
  }

  /// - Parameter role: `source` or `target`.
  init(_ transport: any HTTPTransport, role: String, url: String, log: Log) {
    self.transport = transport
    self.role = role
    self.url = url
    self.log = log
  }

  var status: ProjectStatus {
    state.withLock { state in
      var status = ProjectStatus(url: url)
      status.downSince = state.downSince
      status.problem = state.problem
      return status
    }
  }

  /// How long requests have gone out that have had neither an answer nor a definite failure.
  var silence: Duration {
    state.withLock { $0.waitingSince.map { ContinuousClock.now - $0 } ?? .zero }
  }

  func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    state.withLock { state in
      state.pending += 1
      if state.waitingSince == nil { state.waitingSince = .now }
    }
    do throws(HTTPError) {
      let answer = try await transport.send(request)
      ended(isDefinite: true, Self.isOutage(answer.status) ? "it answers \(answer.status)" : nil)
      return answer
    } catch {
      switch error.kind {
      case .cancelled: cancelled()
      case .timedOut: ended(isDefinite: false, error.description)
      default: ended(isDefinite: true, error.description)
      }
      throw error
    }
  }

  /// Answers of gateways before a project that is not there, restarts or is paused.
  private static func isOutage(_ status: Int) -> Bool {
    switch status {
    case 502...504, 520...530, 540: true
    default: false
    }
  }

  private func cancelled() {
    state.withLock { state in
      state.pending -= 1
      if state.pending == 0 { state.waitingSince = nil }
    }
  }

  private func ended(isDefinite: Bool, _ problem: String?) {
    let time = WallClock.system.now() + TimeText.unixEpoch
    let (before, after) = state.withLock { state -> (Int64?, Int64?) in
      let before = state.downSince
      state.pending -= 1
      if isDefinite { state.waitingSince = state.pending > 0 ? .now : nil }
      if let problem {
        state.downSince = state.downSince ?? time
        state.problem = problem
      } else {
        state.downSince = nil
        state.problem = ""
      }
      return (before, state.downSince)
    }
    if before == nil, after != nil, let problem {
      log.warning("project does not answer", ["project": role, "reason": problem])
    } else if let before, after == nil {
      log.info(
        "project answers again", ["project": role, "seconds": "\((time - before) / 1_000_000)"])
    }
  }
}
