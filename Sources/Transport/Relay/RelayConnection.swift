/// One relayed connection: a client's socket, the server's, and the bytes between them.
struct RelayConnection {
  typealias Instant = ContinuousClock.Instant
  typealias Direction = TCPRelay.Direction

  private struct End {
    /// nil: not connected to yet.
    var socket: RelaySocket?
    var isConnected: Bool
    /// Nothing more comes from it nor goes to it.
    var hasFailed = false
    /// The last write was not taken whole.
    var isFull = false
  }

  var flows: TCPRelay.Flows
  private var client: End
  private var server = End(socket: nil, isConnected: false)
  private var toServer = RelayStream()
  private var toClient = RelayStream()

  init(client: RelaySocket, flows: TCPRelay.Flows) {
    self.client = End(socket: client, isConnected: true)
    self.flows = flows
  }

  /// Both directions have ended in order.
  private var hasFinished: Bool { toServer.hasFinished && toClient.hasFinished }

  /// One end is broken, and the other may know it.
  private var isBroken: Bool {
    (server.hasFailed && flows.toClient.isOpen && toClient.isEmpty)
      || (client.hasFailed && (server.socket == nil || flows.toServer.isOpen))
  }

  /// Moves what can be moved now. False: it is over, and its sockets are to be let go.
  mutating func advance(at now: Instant, target: RelayAddress, room: inout [UInt8]) -> Bool {
    connect(to: target)
    Self.advance(from: &client, to: &server, &toServer, flows.toServer, at: now, room: &room)
    Self.advance(from: &server, to: &client, &toClient, flows.toClient, at: now, room: &room)
    if isBroken { reset() }
    return !isBroken && !hasFinished
  }

  func reset() {
    client.socket?.resetWhenClosed()
    server.socket?.resetWhenClosed()
  }

  /// Where nothing may pass, not even a connection is made.
  private mutating func connect(to target: RelayAddress) {
    guard server.socket == nil, !server.hasFailed,
      flows.toServer.isOpen || flows.toClient.isOpen
    else { return }
    server.socket = RelaySocket.connecting(to: target)
    server.hasFailed = server.socket == nil
  }

  /// The server's socket can be written to, so the connection stands or has failed.
  mutating func serverIsWritable() {
    guard !server.isConnected, let socket = server.socket else { return }
    if socket.isConnected { server.isConnected = true } else { server.hasFailed = true }
  }

  /// A socket that was full can be tried again.
  mutating func isWritable(_ direction: Direction) {
    if direction == .toServer { server.isFull = false } else { client.isFull = false }
  }

  private static func wantsInput(
    from source: End, to destination: End, _ stream: RelayStream, _ flow: TCPRelay.Flow
  ) -> Bool {
    flow.isOpen && stream.wantsInput && source.isConnected && !source.hasFailed
      && !destination.hasFailed
  }

  private static func advance(
    from source: inout End, to destination: inout End, _ stream: inout RelayStream,
    _ flow: TCPRelay.Flow, at now: Instant, room: inout [UInt8]
  ) {
    if wantsInput(from: source, to: destination, stream, flow), let socket = source.socket {
      switch socket.read(into: &room) {
      case .bytes(let count):
        stream.append(Array(room[..<count]), at: now, latency: flow.latency)
      case .nothingYet: break
      case .end: stream.end(at: now, latency: flow.latency)
      case .failed: source.hasFailed = true
      }
    }
    guard flow.isOpen, destination.isConnected, !destination.hasFailed,
      let socket = destination.socket
    else { return }
    while !destination.isFull,
      let bytes = stream.ready(at: now, bytesPerSecond: flow.bytesPerSecond)
    {
      guard let count = socket.write(bytes) else {
        destination.hasFailed = true
        return
      }
      destination.isFull = count < bytes.count
      stream.sent(count, at: now, bytesPerSecond: flow.bytesPerSecond)
    }
    if stream.takeEnd(at: now) { socket.finishWriting() }
  }

  /// What a poll is to wait for on one of the sockets.
  struct Interest {
    let socket: RelaySocket
    /// The direction that ends in it.
    let direction: Direction
    let reads: Bool
    let writes: Bool
  }

  /// A socket of which nothing is wanted is not among them: its end would be reported again and again.
  var interests: [Interest] {
    let all: [(End, Direction, Bool)] = [
      (client, .toClient, Self.wantsInput(from: client, to: server, toServer, flows.toServer)),
      (server, .toServer, Self.wantsInput(from: server, to: client, toClient, flows.toClient)),
    ]
    return all.compactMap { end, direction, reads in
      guard let socket = end.socket, !end.hasFailed else { return nil }
      let writes = !end.isConnected || (end.isFull && flows[direction].isOpen)
      guard reads || writes else { return nil }
      return Interest(socket: socket, direction: direction, reads: reads, writes: writes)
    }
  }

  /// When to call `advance` though nothing happens on the sockets.
  var due: Instant? {
    let dues: [Instant?] = [
      flows.toServer.isOpen && server.isConnected && !server.isFull && !server.hasFailed
        ? toServer.due : nil,
      flows.toClient.isOpen && !client.isFull && !client.hasFailed ? toClient.due : nil,
    ]
    return dues.compactMap { $0 }.min()
  }
}
