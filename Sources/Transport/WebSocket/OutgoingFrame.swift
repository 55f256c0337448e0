/// One frame on its way to the server, masked as a client's must be (RFC 6455, section 5.3).
final class OutgoingFrame {
  typealias Handed = CheckedContinuation<Result<Void, WebSocketError>, Never>

  let bytes: [UInt8]
  let opcode: UInt8
  /// How many bytes the network has taken.
  var offset = 0
  /// From the first attempt on the frame has to go out whole: TLS may hold a part that it does not tell of.
  var isBegun = false
  /// Who waits for it to be handed over.
  private(set) var handed: Handed?
  let id: Int

  /// An upgrade request, which is no frame yet.
  init(request bytes: [UInt8]) {
    self.bytes = bytes
    opcode = Opcode.continuation
    id = 0
  }

  init(_ opcode: UInt8, _ payload: [UInt8], id: Int = 0, handed: Handed? = nil) {
    self.opcode = opcode
    self.id = id
    self.handed = handed
    bytes = Self.encode(opcode, payload, mask: UInt32.random(in: .min ... .max))
  }

  /// A close frame; only codes that may be sent are (RFC 6455, section 7.4).
  static func close(code: Int?) -> OutgoingFrame {
    guard let code, maySend(code) else { return OutgoingFrame(Opcode.close, []) }
    return OutgoingFrame(Opcode.close, [UInt8(code >> 8), UInt8(code & 0xFF)])
  }

  static func maySend(_ code: Int) -> Bool {
    (1000..<5000).contains(code) && ![1004, 1005, 1006, 1015].contains(code)
  }

  /// Tells whoever waits, once.
  func resume(_ outcome: Result<Void, WebSocketError>) {
    handed?.resume(returning: outcome)
    handed = nil
  }

  static func encode(_ opcode: UInt8, _ payload: [UInt8], mask: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(payload.count + 14)
    bytes.append(0x80 | opcode)
    let lengthBytes =
      switch payload.count {
      case ..<126: 0
      case ..<0x1_0000: 2
      default: 8
      }
    let first = lengthBytes == 0 ? payload.count : lengthBytes == 2 ? 126 : 127
    bytes.append(0x80 | UInt8(first))
    for place in (0..<lengthBytes).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: payload.count >> (8 * place)))
    }
    let mask = (0..<4).map { UInt8(truncatingIfNeeded: mask >> (24 - 8 * $0)) }
    bytes += mask
    for index in payload.indices { bytes.append(payload[index] ^ mask[index & 3]) }
    return bytes
  }
}
