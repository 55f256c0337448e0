/// What all sockets of a project share: who is counted against its limits, and the faults that tests order.
struct RealtimeTenant: Sendable {
  /// Joins a second.
  var joins = RateAverage()
  /// The sockets that have joined a channel since they were opened.
  var members: Set<Int> = []
  /// Every join is refused with this reason.
  var refusal: String?
  /// Heartbeats are read and not answered.
  var ignoresHeartbeats = false
  /// How many joins were answered `ok`.
  private(set) var joined = 0
  private var lastSocket = 0

  /// The number of a new socket.
  mutating func opens() -> Int {
    lastSocket += 1
    return lastSocket
  }

  /// The number of a new channel, over all sockets.
  mutating func joins(socket: Int) -> Int {
    members.insert(socket)
    joined += 1
    return joined
  }

  /// The limit holds back joins and handshakes until the average has fallen.
  mutating func hasTooManyJoins(_ options: RealtimeOptions, now: Int64) -> Bool {
    options.maxJoinsPerSecond.map { joins.average(now: now) >= Double($0) } ?? false
  }
}
