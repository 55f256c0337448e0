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

  /// The number of a new channel, over all sockets.
  mutating func joins(socket: Int) -> Int {
    members.insert(socket)
    joined += 1
    return joined
  }
}
