package import Transport

/// Stands between a mirror and any Supabase project as the network does: it carries the bytes of every connection,
/// HTTP and WebSocket, and breaks connections without knowing what is in them. What goes wrong with one
/// request is a `FaultProxy`'s.
///
/// Listens on 127.0.0.1. Every change is in force when its call returns.
package final class FaultRelay: Sendable {
  /// What becomes of bytes.
  package enum Mode: Hashable, Sendable {
    case pass
    /// Connections are made and stay open, but nothing passes: no byte, no FIN, no RST. What was sent
    /// meanwhile passes once the mode is another, as after an outage of the network.
    case blackHole
    /// The server hears the client and its answers never come.
    case blackHoleToClient
    /// The client hears the server, but what it says never comes there.
    case blackHoleToServer

    fileprivate var flows: TCPRelay.Flows {
      TCPRelay.Flows(
        toServer: TCPRelay.Flow(isOpen: self == .pass || self == .blackHoleToClient),
        toClient: TCPRelay.Flow(isOpen: self == .pass || self == .blackHoleToServer))
    }
  }

  package typealias Scope = TCPRelay.Scope

  /// `http://127.0.0.1:<port>`; takes the place of the upstream's URL.
  package var url: String { "http://127.0.0.1:\(port)" }
  /// The same while connections are refused and after.
  package var port: Int { relay.port }

  private let relay: TCPRelay
  private let seen: SeenConnections

  /// - Parameters:
  ///   - hostPort: of the project, e.g. that of a `LocalProject` or of a `FaultProxy` in front of it.
  ///   - port: to listen on; 0 is a free one.
  package static func start(
    host: String = "127.0.0.1", hostPort: Int, port: Int = 0, mode: Mode = .pass
  ) throws(ServerError) -> FaultRelay {
    let seen = SeenConnections()
    let relay = try TCPRelay.start(
      port: port, host: host, hostPort: hostPort, flows: mode.flows,
      accepted: { seen.accepted($0) })
    return FaultRelay(relay, seen)
  }

  private init(_ relay: TCPRelay, _ seen: SeenConnections) {
    self.relay = relay
    self.seen = seen
  }

  /// - Parameters:
  ///   - latency: bytes are kept so long in each direction that is open.
  ///   - bytesPerSecond: in each direction that is open.
  package func setMode(
    _ mode: Mode, for scope: Scope = .everything, latencyToServer: Duration = .zero,
    latencyToClient: Duration = .zero, bytesPerSecond: Int? = nil
  ) async {
    var flows = mode.flows
    flows.toServer.latency = latencyToServer
    flows.toServer.bytesPerSecond = bytesPerSecond
    flows.toClient.latency = latencyToClient
    flows.toClient.bytesPerSecond = bytesPerSecond
    await relay.setFlows(flows, for: scope)
  }

  /// RST to both ends of every open connection, in black holes too. New ones are as the mode says.
  package func resetConnections() async { await relay.resetConnections() }

  /// New connections are refused; those that are open go on.
  package func refuseConnections() async { await relay.stopListening() }

  /// New connections are taken again, on the same port. Throws where another process has it now.
  package func acceptConnections() async throws(ServerError) { try await relay.listen() }

  /// How many connections have been accepted.
  package var connectionsSeen: Int { seen.count }

  /// How many of them are open.
  package var openConnections: Int { get async { await relay.openConnections } }

  /// Returns when the connection of this number, counted from 1, has been accepted; at once if it has. Throws
  /// where the task is cancelled or the relay stops.
  package func waitForConnection(_ number: Int) async throws(CancellationError) {
    try await seen.wait(for: number)
  }

  /// Resets every connection and ends. May be called twice.
  package func stop() async {
    await relay.stop()
    seen.stop()
  }
}

/// How many connections a relay has accepted, and who waits for one.
private final class SeenConnections: Sendable {
  private struct State {
    var count = 0
    var waiting: [Int: (number: Int, continuation: CheckedContinuation<Bool, Never>)] = [:]
    var lastKey = 0
    var isStopped = false
  }

  private let state = Locked(State())

  var count: Int { state.withLock { $0.count } }

  func accepted(_ number: Int) {
    let due = state.withLock { state in
      state.count = number
      let due = state.waiting.filter { $0.value.number <= number }
      for key in due.keys { state.waiting[key] = nil }
      return due.values.map(\.continuation)
    }
    for continuation in due { continuation.resume(returning: true) }
  }

  func wait(for number: Int) async throws(CancellationError) {
    let key = state.withLock { state in
      state.lastKey += 1
      return state.lastKey
    }
    let hasCome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let known: Bool? = state.withLock { state in
          if state.count >= number { return true }
          if state.isStopped || Task.isCancelled { return false }
          state.waiting[key] = (number, continuation)
          return nil
        }
        if let known { continuation.resume(returning: known) }
      }
    } onCancel: {
      let waiting = state.withLock { $0.waiting.removeValue(forKey: key) }
      waiting?.continuation.resume(returning: false)
    }
    guard hasCome else { throw CancellationError() }
  }

  func stop() {
    let waiting = state.withLock { state in
      state.isStopped = true
      defer { state.waiting = [:] }
      return state.waiting.values.map(\.continuation)
    }
    for continuation in waiting { continuation.resume(returning: false) }
  }
}
