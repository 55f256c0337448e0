/// The open connections of one server, on its loop's thread: carries out what each `HTTPConnection` decides.
actor ServerConnections: TCPReceiver {
  private let loop: EventLoop<TCPListener>
  private let answering: Answering
  private var open: [Int: Connection] = [:]
  /// Also of connections that are gone: a cancelled handler takes its time.
  private var tasks: [Int: Task<Void, Never>] = [:]
  private var lastTask = 0
  private var isStopping = false
  /// Called when the last WebSocket's connection is gone.
  private var closings: CheckedContinuation<Void, Never>?

  struct Answering: Sendable {
    let refusal: HTTPServer.Refusal?
    let upgrade: HTTPServer.Upgrade?
    let handler: HTTPServer.Handler
  }

  private struct Connection {
    let socket: TCPSocket
    var http = HTTPConnection()
    /// What the connection speaks after an upgrade.
    var webSocket: ServerWebSocket?
    /// The number of the task that works for it.
    var task: Int?
    var isReading = true
    var hasFinished = false

    mutating func speak(_ webSocket: ServerWebSocket) {
      self.webSocket = webSocket
      if !isReading { socket.setReading(true) }
      isReading = true
    }

    /// False: close the socket at once.
    mutating func write() -> Bool {
      if let webSocket { return webSocket.write(to: socket) }
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
      if let webSocket { return webSocket.update(socket) }
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

  init(_ listener: TCPListener, _ answering: Answering) {
    loop = EventLoop(listener)
    self.answering = answering
  }

  func stop(closing code: Int?) async {
    isStopping = true
    for (id, connection) in open {
      guard let webSocket = connection.webSocket else { continue }
      guard let code else {
        webSocket.lost()
        continue
      }
      webSocket.close(code: code)
      open[id]?.update()
    }
    for task in tasks.values { task.cancel() }
    while let (_, task) = tasks.first { await task.value }
    if code != nil { await waitForClosings() }
    loop.source.close()
    // No job may come after this: tasks are done, and closed sockets tell nothing.
    loop.stop()
  }

  /// A client may be slow to take its close frame, or never do so.
  private func waitForClosings() async {
    guard open.values.contains(where: { $0.webSocket != nil }) else { return }
    let limit = Task {
      try? await Task.sleep(for: .seconds(2))
      self.endClosings()
    }
    await withCheckedContinuation { self.awaitClosings($0) }
    limit.cancel()
    await limit.value
  }

  private func awaitClosings(_ continuation: CheckedContinuation<Void, Never>) {
    closings = continuation
  }

  private func endClosings() {
    closings?.resume()
    closings = nil
  }

  nonisolated func opened(_ socket: TCPSocket) {
    assumeIsolated { $0.open[socket.id] = Connection(socket: socket) }
  }

  nonisolated func received(_ bytes: [UInt8], on socket: TCPSocket) {
    assumeIsolated { me in
      if let webSocket = me.open[socket.id]?.webSocket {
        webSocket.received(bytes)
        webSocket.update(socket)
      } else if let action = me.open[socket.id]?.http.received(bytes) {
        me.perform(action, socket.id)
      }
    }
  }

  nonisolated func canWrite(on socket: TCPSocket) -> Bool {
    assumeIsolated { me in
      guard me.open[socket.id]?.write() == true else { return false }
      guard let connection = me.open[socket.id], connection.webSocket == nil else {
        me.open[socket.id]?.update()
        return true
      }
      if let action = me.open[socket.id]?.http.sent() { me.perform(action, socket.id) }
      return true
    }
  }

  nonisolated func closed(_ socket: TCPSocket) {
    assumeIsolated { me in
      guard let connection = me.open.removeValue(forKey: socket.id) else { return }
      connection.webSocket?.lost()
      if let task = connection.task { me.tasks[task]?.cancel() }
      if me.closings != nil, !me.open.values.contains(where: { $0.webSocket != nil }) {
        me.endClosings()
      }
    }
  }

  private func perform(_ action: HTTPConnection.Action, _ id: Int) {
    switch action {
    case .wait: break
    case .handle(let request): begin(id) { [answering] in await answering.answer(request) }
    case .consider(let request):
      begin(id) { [answering] in .verdict(await answering.refusal?(request)) }
    }
    open[id]?.update()
  }

  fileprivate enum Outcome: Sendable {
    case answer(ServerAnswer)
    case verdict(ServerAnswer?)
    case opening(Opening)
    case sessionEnded
  }

  /// A WebSocket that was accepted.
  fileprivate struct Opening: Sendable {
    let head: [UInt8]
    let limits: ServerWebSocketLimits
    let session: @Sendable (ServerWebSocket) async -> Void
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
    let action: HTTPConnection.Action? =
      switch outcome {
      case .answer(let answer): open[id]?.http.answered(answer)
      case .verdict(let refusal): open[id]?.http.considered(refusal)
      case .opening(let opening): openWebSocket(id, opening)
      case .sessionEnded: nil
      }
    if let action { perform(action, id) }
  }

  private func openWebSocket(_ id: Int, _ opening: Opening) -> HTTPConnection.Action? {
    guard let early = open[id]?.http.switchProtocols(opening.head),
      let output = open[id]?.http.output
    else {
      return open[id]?.http.answered(ServerAnswer(status: 400, framing: .contentLength))
    }
    let course = ServerWebSocketCourse(output: output, limits: opening.limits)
    let webSocket = ServerWebSocket(course) { [weak self] in
      Task { await self?.update(id) }
    }
    open[id]?.speak(webSocket)
    webSocket.received(early)
    begin(id) {
      await opening.session(webSocket)
      webSocket.close(code: 1000)
      return .sessionEnded
    }
    return .wait
  }

  private func update(_ id: Int) { open[id]?.update() }
}

extension ServerConnections.Answering {
  fileprivate func answer(_ request: ServerRequest) async -> ServerConnections.Outcome {
    guard let upgrade, WebSocketHandshake.isAsked(by: request),
      let acceptance = await upgrade(request)
    else { return .answer(await handler(request)) }
    switch acceptance {
    case .refuse(let answer):
      return .answer(answer)
    case .accept(let headers, let limits, let session):
      if let refusal = WebSocketHandshake.refusal(of: request) { return .answer(refusal) }
      return .opening(
        .init(
          head: WebSocketHandshake.head(for: request, headers), limits: limits, session: session))
    }
  }
}
