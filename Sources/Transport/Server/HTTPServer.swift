/// A small HTTP/1.1 server on 127.0.0.1 that passes on and sends exactly the bytes it is given: raw targets,
/// raw reason phrases, headers in order, and broken answers on demand.
///
/// Requests of one connection are handled in order, connections concurrently. Handlers run on the global
/// executor; the task of a handler is cancelled when its client disconnects or the server stops.
package final class HTTPServer: Sendable {
  package typealias Handler = @Sendable (ServerRequest) async -> ServerAnswer
  /// Asked about a request whose client waits for `100 Continue`, before its body is sent (it is empty
  /// here); an answer refuses the request, nil lets it come.
  package typealias Refusal = @Sendable (ServerRequest) async -> ServerAnswer?

  package let port: Int
  private let connections: ServerConnections
  private let stopping = Locked<Task<Void, Never>?>(nil)

  /// Listens on 127.0.0.1; port 0 is any free one. Throws where the port cannot be had.
  package static func start(
    port: Int = 0, refusal: Refusal? = nil, handler: @escaping Handler
  ) throws(ServerError) -> HTTPServer {
    try HTTPServer(TCPListener(port: port), refusal: refusal, handler: handler)
  }

  private init(_ listener: TCPListener, refusal: Refusal?, handler: @escaping Handler) {
    port = listener.port
    connections = ServerConnections(listener, refusal: refusal, handler: handler)
    listener.begin(connections)
  }

  deinit {
    guard stopping.withLock({ $0 == nil }) else { return }
    Task { [connections] in await connections.stop() }
  }

  /// Cancels every handler, waits for them to return, closes the listener and every connection. Nothing is
  /// answered any more once this was called. May be called twice.
  package func stop() async {
    let task = stopping.withLock { stopping in
      let task = stopping ?? Task { [connections] in await connections.stop() }
      stopping = task
      return task
    }
    await task.value
  }
}

/// The open connections of one server, on its loop's thread: carries out what each `HTTPConnection` decides.
actor ServerConnections: TCPReceiver {
  private let loop: EventLoop<TCPListener>
  private let refusal: HTTPServer.Refusal?
  private let handler: HTTPServer.Handler
  private var open: [Int: Connection] = [:]
  /// Also of connections that are gone: a cancelled handler takes its time.
  private var tasks: [Int: Task<Void, Never>] = [:]
  private var lastTask = 0
  private var isStopping = false

  private struct Connection {
    let socket: TCPSocket
    var http = HTTPConnection()
    /// The number of the task that works for it.
    var task: Int?
    var isReading = true
    var hasFinished = false

    /// False: close the socket at once.
    mutating func write() -> Bool {
      if !http.output.isEmpty {
        return socket.write(&http.output)
      }
      switch http.end {
      case nil:
        return true
      case .reset:
        socket.reset()
        return false
      case .close:
        if !hasFinished { socket.finishWriting() }
        hasFinished = true
        return true
      }
    }

    /// Makes the socket do what is wanted now.
    mutating func update() {
      if http.wantsInput != isReading {
        isReading = http.wantsInput
        socket.setReading(isReading)
      }
      if !http.output.isEmpty || (http.end != nil && !hasFinished) { socket.askToWrite() }
    }
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  init(
    _ listener: TCPListener, refusal: HTTPServer.Refusal?, handler: @escaping HTTPServer.Handler
  ) {
    loop = EventLoop(listener)
    self.refusal = refusal
    self.handler = handler
  }

  func stop() async {
    isStopping = true
    for task in tasks.values { task.cancel() }
    while let (_, task) = tasks.first { await task.value }
    loop.source.close()
    // No job may come after this: tasks are done, and closed sockets tell nothing.
    loop.stop()
  }

  nonisolated func opened(_ socket: TCPSocket) {
    assumeIsolated { $0.open[socket.id] = Connection(socket: socket) }
  }

  nonisolated func received(_ bytes: [UInt8], on socket: TCPSocket) {
    assumeIsolated { me in
      guard let action = me.open[socket.id]?.http.received(bytes) else { return }
      me.perform(action, socket.id)
    }
  }

  nonisolated func canWrite(on socket: TCPSocket) -> Bool {
    assumeIsolated { me in
      guard me.open[socket.id]?.write() == true else { return false }
      if let action = me.open[socket.id]?.http.sent() { me.perform(action, socket.id) }
      return true
    }
  }

  nonisolated func closed(_ socket: TCPSocket) {
    assumeIsolated { me in
      guard let connection = me.open.removeValue(forKey: socket.id), let task = connection.task
      else { return }
      me.tasks[task]?.cancel()
    }
  }

  private func perform(_ action: HTTPConnection.Action, _ id: Int) {
    switch action {
    case .wait: break
    case .handle(let request): begin(id) { [handler] in .answer(await handler(request)) }
    case .consider(let request):
      begin(id) { [refusal] in .verdict(await refusal?(request)) }
    }
    open[id]?.update()
  }

  private enum Outcome: Sendable {
    case answer(ServerAnswer)
    case verdict(ServerAnswer?)
  }

  private func begin(_ id: Int, _ work: @escaping @Sendable () async -> Outcome) {
    if isStopping { return }
    lastTask += 1
    let number = lastTask
    open[id]?.task = number
    tasks[number] = Task { @concurrent in
      let outcome = await work()
      await self.ended(number, id, outcome)
    }
  }

  private func ended(_ number: Int, _ id: Int, _ outcome: Outcome) {
    tasks[number] = nil
    guard !isStopping, open[id]?.task == number else { return }
    open[id]?.task = nil
    let action =
      switch outcome {
      case .answer(let answer): open[id]?.http.answered(answer)
      case .verdict(let refusal): open[id]?.http.considered(refusal)
      }
    if let action { perform(action, id) }
  }
}
