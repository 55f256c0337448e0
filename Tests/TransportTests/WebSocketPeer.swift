import Testing

@testable import Transport

/// The server's side of one WebSocket, frame by frame; for one thread.
struct WebSocketPeer: Sendable {
  struct Frame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var isMasked: Bool

    var closeCode: Int? { payload.count < 2 ? nil : Int(payload[0]) << 8 | Int(payload[1]) }
  }

  let connection: RawConnection
  let request: RawRequest

  /// Reads the request to upgrade and agrees; nil where the client goes before.
  init?(_ connection: RawConnection) {
    guard let request = connection.readRequest() else { return nil }
    self.connection = connection
    self.request = request
    guard connection.write(Self.agreement(to: request)) else { return nil }
  }

  static func agreement(to request: RawRequest) -> String {
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
      + "sec-websocket-accept: \(accept(request))\r\n\r\n"
  }

  static func accept(_ request: RawRequest) -> String {
    let key = request.headers["sec-websocket-key"] ?? ""
    return Base64.encode(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  static func frame(_ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true) -> [UInt8] {
    var head = [(isFinal ? 0x80 : 0) | opcode]
    switch payload.count {
    case ..<126: head.append(UInt8(payload.count))
    case ..<65_536: head += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default: head += [127] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xFF) }
    }
    return head + payload
  }

  static func text(_ text: String) -> [UInt8] { frame(1, Array(text.utf8)) }

  static func close(_ code: Int?) -> [UInt8] {
    frame(8, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])
  }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool { connection.write(bytes) }

  /// Nil once the client is gone.
  func readFrame() -> Frame? {
    guard let head = connection.read(2) else { return nil }
    let isMasked = head[1] & 0x80 != 0
    var length = Int(head[1] & 0x7F)
    if length > 125 {
      guard let extended = connection.read(length == 126 ? 2 : 8) else { return nil }
      length = extended.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let mask = connection.read(isMasked ? 4 : 0), var payload = connection.read(length) else {
      return nil
    }
    if isMasked { for index in payload.indices { payload[index] ^= mask[index & 3] } }
    return Frame(opcode: head[0] & 0x0F, payload: payload, isMasked: isMasked)
  }

  /// Sends back every message until the client closes, then agrees to that.
  func echo() {
    while let frame = readFrame() {
      write(Self.frame(frame.opcode, frame.payload))
      if frame.opcode == 8 { return }
    }
  }
}

/// A server that is one WebSocket after another.
func webSocketServer(_ serve: @escaping @Sendable (WebSocketPeer) -> Void) -> RawServer {
  RawServer { connection, _ in WebSocketPeer(connection).map(serve) }
}

extension RawServer {
  /// Its query holds what no error may show.
  var webSocketURL: String { url("/socket/websocket?apikey=secret&vsn=2.0.0", scheme: "ws") }
}

extension WebSocketTransport {
  func open(_ server: RawServer) async throws -> any WebSocketConnection {
    try await connect(WebSocketRequest(url: server.webSocketURL))
  }

  /// The error of an attempt, which must not show the query.
  func failure(_ request: WebSocketRequest) async -> WebSocketError? {
    let error = await #expect(throws: WebSocketError.self) { _ = try await connect(request) }
    #expect(error?.description.contains("secret") == false)
    return error
  }
}

extension WebSocketConnection {
  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  func text() async throws -> String {
    guard case .text(let bytes) = try await receive() else { return "(binary)" }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What receiving ends with; the same each time.
  func ending() async -> WebSocketError? {
    let error = await #expect(throws: WebSocketError.self) { _ = try await receive() }
    let again = await #expect(throws: WebSocketError.self) { _ = try await receive() }
    #expect(error == again)
    #expect(error?.description.contains("secret") == false)
    return error
  }
}
