/// Keeps one socket: the server closes one from which nothing comes for 60 s, and only the reply to a heartbeat shows
/// that the other end still lives. What else comes in proves nothing: it may have been under way for long.
struct Heartbeat: Hashable {
  private struct Unanswered: Hashable {
    let ref: Int
    /// The reading time at which its reply is missing.
    let limit: Duration
  }

  private let interval: Duration
  private let replyLimit: Duration
  private var unanswered: [Unanswered] = []
  /// When the next one is to be sent. That goes on while replies are missing.
  private(set) var due: Duration

  init(options: RealtimeOptions, openedAt now: Duration) {
    interval = options.heartbeatInterval
    replyLimit = options.heartbeatLimit
    due = now + options.heartbeatInterval
  }

  /// The reading time at which the socket is to be given up; nil while every reply has come.
  var limit: Duration? { unanswered.first?.limit }

  /// - Parameter allowance: for joins in flight, behind which the reply has to wait. Joins sent later are handled
  ///   after it.
  mutating func sent(ref: Int, at now: Duration, reading: Duration, allowance: Duration) {
    due = now + interval
    unanswered.append(Unanswered(ref: ref, limit: reading + replyLimit + allowance))
  }

  enum ReplyAction: Hashable {
    case alive
    /// The reply to none of ours.
    case ignore
  }

  /// Replies come in order, so one to a later heartbeat answers the earlier ones.
  mutating func replied(ref: String?) -> ReplyAction {
    guard let index = unanswered.firstIndex(where: { "\($0.ref)" == ref }) else { return .ignore }
    unanswered.removeSubrange(...index)
    return .alive
  }
}
