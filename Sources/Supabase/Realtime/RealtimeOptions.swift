/// How long the client waits, and how large it lets messages become. The defaults follow from the servers' own
/// limits: idle sockets are closed after 60 s, a refused join is answered after 5 s, one that waits for the database
/// after up to 15 s, and while a socket has a join in work it does nothing else.
package struct RealtimeOptions: Sendable {
  /// Between two heartbeats.
  package var heartbeatInterval: Duration = .seconds(25)
  /// For a heartbeat's reply; `joinLimit` is added for every join in flight, as joins hold replies up. It counts only
  /// while messages are read.
  package var heartbeatLimit: Duration = .seconds(15)
  /// For a join's reply, times the number of joins in flight, as the server handles one after the other. It counts
  /// only while messages are read.
  package var joinLimit: Duration = .seconds(15)
  /// From the join's reply to "Subscribed to PostgreSQL". It counts only while messages are read.
  package var subscribeLimit: Duration = .seconds(30)
  /// Before a socket is opened, or a channel that ended is joined, again.
  package var backoff = Backoff()
  /// The least wait where a limit of the server was met; up to as much again is added by chance.
  package var limitPause: Duration = .seconds(30)
  /// Before a refused channel is joined again; doubles from refusal to refusal, up to `longestRefusalPause`.
  package var refusalPause: Duration = .seconds(5 * 60)
  package var longestRefusalPause: Duration = .seconds(60 * 60)
  /// A channel must have been subscribed for so long until its and its socket's failures are forgotten, so that a
  /// server that takes joins and drops them is not hammered.
  package var stableAfter: Duration = .seconds(30)
  /// Certificate authorities to trust beside the system's (PEM).
  package var caFile: String?
  package var connectLimit: Duration = .seconds(20)
  package var maximumMessageBytes = 16 << 20

  package init() {}
}
