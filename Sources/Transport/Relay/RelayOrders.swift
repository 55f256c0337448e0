/// What a `TCPRelay`'s thread is told to do, and what wakes it up for that.
final class RelayOrders: Sendable {
  enum Order: Sendable {
    case flows(TCPRelay.Flows, TCPRelay.Scope)
    case reset
    case stopListening
    /// Tells what went wrong, or nil.
    case listen(@Sendable (ServerError?) -> Void)
    case count(@Sendable (Int) -> Void)
    case stop
  }

  struct Given: Sendable {
    let order: Order
    /// To be called once it is carried out.
    let done: @Sendable () -> Void
  }

  private struct State {
    var given: [Given] = []
    var isOver = false
  }

  private let state = Locked(State())
  private let alarm: RelaySocket
  /// Can be read from while there are orders.
  let bell: RelaySocket

  init() throws(ServerError) { (bell, alarm) = try RelaySocket.pair() }

  /// Once the relay is over, nothing is carried out, and it is done at once.
  func give(_ order: Order, done: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      guard !state.isOver else { return true }
      state.given.append(Given(order: order, done: done))
      if state.given.count == 1 { _ = alarm.write([0]) }
      return false
    }
    if isOver { done() }
  }

  func take() -> [Given] {
    state.withLock { state in
      if !state.given.isEmpty {
        var room: [UInt8] = [0]
        _ = bell.read(into: &room)
      }
      defer { state.given = [] }
      return state.given
    }
  }

  /// What was given and never taken is done with.
  func end() {
    let rest = state.withLock { state in
      state.isOver = true
      defer { state.given = [] }
      return state.given
    }
    for given in rest { given.done() }
  }
}
