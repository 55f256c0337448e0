internal import Glibc

/// Everything a `TCPRelay`'s thread knows.
struct RelayLoop {
  private let port: Int
  private let target: RelayAddress
  private let orders: RelayOrders
  private let accepted: @Sendable (Int) -> Void
  /// Of connections to come.
  private var flows: TCPRelay.Flows
  /// nil: connections are refused.
  private var listener: RelaySocket?
  private var connections: [Int: RelayConnection] = [:]
  private var lastConnection = 0
  private var isStopped = false
  private var room = [UInt8](repeating: 0, count: 64 << 10)

  init(
    port: Int, target: RelayAddress, listener: RelaySocket?, flows: TCPRelay.Flows,
    orders: RelayOrders, accepted: @escaping @Sendable (Int) -> Void
  ) {
    self.port = port
    self.target = target
    self.listener = listener
    self.flows = flows
    self.orders = orders
    self.accepted = accepted
  }

  /// Returns when it is told to stop; every socket is closed then.
  mutating func run() {
    while true {
      let given = orders.take()
      for order in given { carryOut(order.order) }
      if isStopped { orders.end() }
      for order in given { order.done() }
      if isStopped { return }
      let now = ContinuousClock.now
      for id in connections.keys {
        if connections[id]?.advance(at: now, target: target, room: &room) == false {
          connections[id] = nil
        }
      }
      wait()
      while let socket = listener?.accept() {
        lastConnection += 1
        connections[lastConnection] = RelayConnection(client: socket, flows: flows)
        accepted(lastConnection)
      }
    }
  }

  private mutating func carryOut(_ order: RelayOrders.Order) {
    if isStopped { return }
    switch order {
    case .flows(let flows, let scope):
      if scope != .existingConnections { self.flows = flows }
      if scope == .newConnections { return }
      for id in connections.keys { connections[id]?.flows = flows }
    case .reset: resetConnections()
    case .stopListening: listener = nil
    case .listen(let tell):
      do {
        if listener == nil { listener = try RelaySocket.listening(port: port) }
        tell(nil)
      } catch {
        tell(error)
      }
    case .count(let tell): tell(connections.count)
    case .stop:
      listener = nil
      resetConnections()
      isStopped = true
    }
  }

  private mutating func resetConnections() {
    for connection in connections.values { connection.reset() }
    connections = [:]
  }

  /// Until an order, a connection, something on a wanted socket, or the time of something that is due.
  private mutating func wait() {
    var polled = [pollfd(fd: orders.bell.number, events: Int16(POLLIN), revents: 0)]
    if let listener {
      polled.append(pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0))
    }
    var interests: [(id: Int, interest: RelayConnection.Interest)] = []
    var due: ContinuousClock.Instant?
    for (id, connection) in connections {
      for interest in connection.interests { interests.append((id, interest)) }
      if let next = connection.due { due = min(due ?? next, next) }
    }
    let first = polled.count
    for (_, interest) in interests {
      let events = (interest.reads ? POLLIN : 0) | (interest.writes ? POLLOUT : 0)
      polled.append(pollfd(fd: interest.socket.number, events: Int16(events), revents: 0))
    }

    unsafe poll(&polled, nfds_t(polled.count), Self.milliseconds(until: due))

    for (index, (id, interest)) in interests.enumerated() {
      let events = Int32(polled[first + index].revents)
      guard interest.writes, events & (POLLOUT | POLLERR | POLLHUP) != 0 else { continue }
      if interest.direction == .toServer { connections[id]?.serverIsWritable() }
      connections[id]?.isWritable(interest.direction)
    }
  }

  /// Rounded up, so that what is due then is due.
  private static func milliseconds(until due: ContinuousClock.Instant?) -> Int32 {
    guard let due else { return -1 }
    let rest = max(.zero, ContinuousClock.now.duration(to: due))
    return Int32(min(60_000, (rest / .milliseconds(1)).rounded(.up)))
  }
}
