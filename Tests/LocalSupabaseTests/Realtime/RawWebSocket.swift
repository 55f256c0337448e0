import Testing
import Transport

/// A WebSocket client that sends and shows single frames. One task uses it at a time.
actor RawWebSocket {
  enum Frame: Equatable {
    case text(String)
    case pong
    /// nil: the close frame had no code.
    case close(Int?)
    /// No close frame came.
    case end
  }

  struct Refusal: Error, Equatable {
    var status: Int
    var body: String
  }

  private let socket: SocketClient
  private var bytes: [UInt8] = []
  private var isOver = false

  /// - Throws: `Refusal` where the answer is not 101.
  static func connect(
    port: Int, path: String, headers: [(String, String)] = []
  ) async throws -> RawWebSocket {
    let client = RawWebSocket(await SocketClient(port: port))
    try await client.shakeHands(path, headers)
    return client
  }

  private init(_ socket: SocketClient) { self.socket = socket }

  deinit { socket.close() }

  private func shakeHands(_ path: String, _ headers: [(String, String)]) async throws {
    let more = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    await socket.send(
      "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + more + "\r\n")
    var head = ""
    while !head.hasSuffix("\r\n\r\n"), let byte = await take(1)?.first {
      head.unicodeScalars.append(Unicode.Scalar(byte))
    }
    let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    if status == 101 { return }
    let length = head.lowercased().split(whereSeparator: \.isNewline)
      .first { $0.hasPrefix("content-length:") }?.split(separator: " ").last
    let body = await take(Int(length ?? "") ?? 0) ?? []
    throw Refusal(status: status, body: String(decoding: body, as: UTF8.self))
  }

  func send(_ text: String) async { await send(opcode: 1, Array(text.utf8)) }
  func sendBinary(_ payload: [UInt8]) async { await send(opcode: 2, payload) }
  func ping() async { await send(opcode: 9, []) }
  func close(_ code: Int) async {
    await send(opcode: 8, [UInt8(code >> 8), UInt8(code & 0xFF)])
  }

  /// The mask is zero, so the payload goes as it is.
  private func send(opcode: UInt8, _ payload: [UInt8]) async {
    var frame: [UInt8] = [0x80 | opcode]
    switch payload.count {
    case ..<126: frame.append(0x80 | UInt8(payload.count))
    case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default:
      frame.append(0x80 | 127)
      for place in stride(from: 56, through: 0, by: -8) {
        frame.append(UInt8(truncatingIfNeeded: payload.count >> place))
      }
    }
    await socket.send(frame + [0, 0, 0, 0] + payload)
  }

  /// The next frame; where none comes in time, the connection is given up.
  func receive(within limit: Duration) async -> Frame {
    let givingUp = Task { [socket] in
      guard (try? await Task.sleep(for: limit)) != nil else { return }
      socket.shutDown()
    }
    defer { givingUp.cancel() }
    return await receive()
  }

  /// The next frame.
  func receive() async -> Frame {
    guard let head = await take(2) else { return .end }
    var length = Int(head[1] & 0x7F)
    if length >= 126 {
      guard let more = await take(length == 126 ? 2 : 8) else { return .end }
      length = more.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let payload = await take(length) else { return .end }
    switch head[0] & 0x0F {
    case 8: return .close(payload.count < 2 ? nil : Int(payload[0]) << 8 | Int(payload[1]))
    case 10: return .pong
    default: return .text(String(decoding: payload, as: UTF8.self))
    }
  }

  private func take(_ count: Int) async -> [UInt8]? {
    while bytes.count < count, !isOver {
      let more = await socket.receive(until: { !$0.isEmpty })
      isOver = more.isEmpty
      bytes += more
    }
    guard bytes.count >= count else { return nil }
    defer { bytes.removeFirst(count) }
    return Array(bytes[..<count])
  }
}
