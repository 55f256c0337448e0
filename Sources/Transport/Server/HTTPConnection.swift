/// What one connection of the server does next, decided without a socket: bytes and answers go in, requests
/// to handle and bytes to send come out. Requests are handled one after the other, in order.
struct HTTPConnection {
  enum Action {
    case wait
    /// Hand it to the handler, then call `answered`.
    case handle(ServerRequest)
    /// The client waits for `100 Continue`: ask whether the request is refused without its body, then call
    /// `considered`.
    case consider(ServerRequest)
  }

  /// What is done with the socket once the output is sent.
  enum End: Equatable { case close, reset }

  private enum Phase {
    case reading
    case busy(HTTPRequestParser.Request)
    /// No further request is looked for; what comes in is dropped.
    case over
  }

  /// So much may wait behind the request that is being handled before reading is paused, and so much to be
  /// sent before the next request is looked for.
  static let pendingLimit = 1 << 20

  var output = OutputQueue()
  private(set) var end: End?
  private var parser: HTTPRequestParser
  private var phase = Phase.reading

  init(limits: HTTPRequestParser.Limits = HTTPRequestParser.Limits()) {
    parser = HTTPRequestParser(limits: limits)
  }

  /// False while too much waits. A client's disconnect is noticed only while it is read from.
  var wantsInput: Bool {
    if case .over = phase { return true }
    return parser.pendingBytes < Self.pendingLimit
  }

  mutating func received(_ bytes: [UInt8]) -> Action {
    switch phase {
    case .reading:
      parser.append(bytes)
      return advance()
    case .busy:
      parser.append(bytes)
      return .wait
    case .over:
      return .wait
    }
  }

  /// The handler's answer to the request that `handle` told of.
  mutating func answered(_ answer: ServerAnswer) -> Action {
    guard case .busy(let request) = phase else { return .wait }
    switch answer.ending {
    case .silence:
      phase = .over
      return .wait
    case .reset:
      phase = .over
      end = .reset
      return .wait
    case .keepAlive, .close, .cut:
      break
    }
    for piece in answer.pieces(for: request) { output.append(piece) }
    if case .keepAlive = answer.ending, !request.closes {
      phase = .reading
      return advance()
    }
    phase = .over
    end = .close
    return .wait
  }

  /// The request that `handle` told of is answered with this head, and what comes after it is no HTTP. The bytes that
  /// came already; nil where that request cannot be answered so.
  mutating func switchProtocols(_ head: [UInt8]) -> [UInt8]? {
    guard case .busy(let request) = phase, request.version == .http11 else { return nil }
    output.append(head)
    phase = .over
    return parser.takePendingBytes()
  }

  /// The verdict on the request that `consider` told of: nil lets the client send the body.
  mutating func considered(_ refusal: ServerAnswer?) -> Action {
    guard case .busy = phase else { return .wait }
    guard let refusal else {
      phase = .reading
      output.append(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
      return advance()
    }
    // The client may send the body all the same.
    parser.discardBody()
    return answered(refusal)
  }

  /// Some of the output has been sent.
  mutating func sent() -> Action {
    if case .reading = phase { return advance() }
    return .wait
  }

  private mutating func advance() -> Action {
    guard output.byteCount < Self.pendingLimit else { return .wait }
    do {
      switch try parser.next() {
      case .incomplete:
        return .wait
      case .expectsContinue(let request):
        phase = .busy(request)
        return .consider(request.message)
      case .request(let request):
        phase = .busy(request)
        return .handle(request.message)
      }
    } catch {
      refuse(error)
      return .wait
    }
  }

  /// PostgREST's HTTP server answers a head that is too large and says nothing to what is not HTTP.
  private mutating func refuse(_ failure: HTTPRequestParser.Failure) {
    phase = .over
    end = .close
    let status: Int
    switch failure {
    case .malformed: return
    case .headTooLarge: status = 400
    case .bodyTooLarge: status = 413
    }
    let answer = ServerAnswer(
      status: status, headers: [HTTPHeader("Content-Type", "text/plain; charset=utf-8")],
      body: Array(ServerAnswer.usualReason(of: status).utf8))
    let request = HTTPRequestParser.Request(
      message: ServerRequest(method: "", target: []), version: .http10, closes: true)
    for piece in answer.pieces(for: request) { output.append(piece) }
  }
}
