/// A relay of TCP connections on 127.0.0.1: bytes go to one address and back, unread, until it is told to hold
/// them up. It knows nothing of what the bytes mean, so it serves HTTP, TLS and WebSockets alike.
///
/// One thread of its own carries everything. What it is told to do is done when the call returns.
package final class TCPRelay: Sendable {
  package enum Direction: Hashable, Sendable, CaseIterable { case toServer, toClient }

  /// How bytes pass in one direction.
  package struct Flow: Hashable, Sendable {
    /// False: nothing passes, neither byte nor FIN nor RST; what comes stays where it is, in the kernel's buffers
    /// for the most part, and passes once this is true again.
    package var isOpen: Bool
    /// How long bytes, and the end of the stream, are kept.
    package var latency: Duration
    package var bytesPerSecond: Int?

    package init(isOpen: Bool = true, latency: Duration = .zero, bytesPerSecond: Int? = nil) {
      self.isOpen = isOpen
      self.latency = latency
      self.bytesPerSecond = bytesPerSecond
    }
  }

  package struct Flows: Hashable, Sendable {
    package var toServer: Flow
    package var toClient: Flow

    package init(toServer: Flow = Flow(), toClient: Flow = Flow()) {
      self.toServer = toServer
      self.toClient = toClient
    }

    subscript(direction: Direction) -> Flow {
      direction == .toServer ? toServer : toClient
    }
  }

  package enum Scope: Hashable, Sendable {
    case everything
    case existingConnections
    case newConnections
  }

  /// On 127.0.0.1; it stays the same when listening is taken up again.
  package let port: Int
  private let orders: RelayOrders

  /// Listens; port 0 is a free one.
  ///
  /// - Parameters:
  ///   - host: name or address, resolved once, now, on the calling thread.
  ///   - accepted: told of each connection's number, counted from 1, on the relay's thread.
  /// - Throws: where the port cannot be had or the host has no address.
  package static func start(
    port: Int = 0, host: String, hostPort: Int, flows: Flows = Flows(),
    accepted: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws(ServerError) -> TCPRelay {
    let target = try RelayAddress.resolved(host: host, port: hostPort)
    let port = port == 0 ? findFreePort() : port
    // The thread must be the only one to hold the socket, else nobody could close it.
    let listener = Locked<RelaySocket?>(try RelaySocket.listening(port: port))
    let orders = try RelayOrders()
    startThread {
      var loop = RelayLoop(
        port: port, target: target, listener: listener.withLock { $0.take() }, flows: flows,
        orders: orders, accepted: accepted)
      loop.run()
    }
    return TCPRelay(port: port, orders: orders)
  }

  private init(port: Int, orders: RelayOrders) {
    self.port = port
    self.orders = orders
  }

  deinit { orders.give(.stop) {} }

  package func setFlows(_ flows: Flows, for scope: Scope = .everything) async {
    await carryOut(.flows(flows, scope))
  }

  /// RST to both ends of every connection, whatever their flow.
  package func resetConnections() async { await carryOut(.reset) }

  /// Nobody listens on the port any more: who connects is refused. Connections go on.
  package func stopListening() async { await carryOut(.stopListening) }

  /// Listens again, on the same port; nothing happens where it listens already. Throws where another process has taken
  /// the port, or where the relay was stopped.
  package func listen() async throws(ServerError) {
    let outcome = Locked<ServerError?>(ServerError(description: "the relay was stopped"))
    await carryOut(.listen { failure in outcome.withLock { $0 = failure } })
    if let failure = outcome.withLock({ $0 }) { throw failure }
  }

  /// Connections that are open on either side.
  package var openConnections: Int {
    get async {
      let count = Locked(0)
      await carryOut(.count { number in count.withLock { $0 = number } })
      return count.withLock { $0 }
    }
  }

  /// Resets every connection, stops listening and ends the thread. May be called twice.
  package func stop() async { await carryOut(.stop) }

  private func carryOut(_ order: RelayOrders.Order) async {
    await withCheckedContinuation { continuation in
      orders.give(order) { continuation.resume() }
    }
  }
}
