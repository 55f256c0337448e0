import Transport

/// An HTTP answer as it came over the wire.
struct RawAnswer: Sendable {
  var status = 0
  var reason = ""
  var headers: [HTTPHeader] = []
  var body: [UInt8] = []
  /// All of it is there.
  var isWhole = false

  /// - Parameter isBodyless: the request was a HEAD.
  init(_ bytes: [UInt8], isBodyless: Bool) {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
    // A reason phrase may have a bare line feed in it.
    let lines = bytes[..<end.lowerBound].split(separator: Array("\r\n".utf8))
    let first = lines[0].split(separator: UInt8(ascii: " "), maxSplits: 2)
    status = first.count > 1 ? Int(String(decoding: first[1], as: UTF8.self)) ?? 0 : 0
    reason = first.count > 2 ? String(decoding: first[2], as: UTF8.self) : ""
    for line in lines.dropFirst() {
      let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
      headers.append(
        HTTPHeader(
          String(decoding: line[..<colon], as: UTF8.self).lowercased(),
          String(decoding: line[colon...].dropFirst(2), as: UTF8.self)))
    }
    let isChunked = headers.contains { $0.name == "transfer-encoding" }
    guard isChunked, !isBodyless, status != 204 else {
      isWhole = true
      return
    }
    var i = end.upperBound
    while let line = bytes[i...].firstRange(of: Array("\r\n".utf8)) {
      guard let count = Int(String(decoding: bytes[i..<line.lowerBound], as: UTF8.self), radix: 16)
      else { return }
      i = line.upperBound
      guard bytes.count >= i + count + 2 else { return }
      if count == 0 {
        isWhole = true
        return
      }
      body += bytes[i..<i + count]
      i += count + 2
    }
  }

  static func isWhole(_ bytes: [UInt8], isBodyless: Bool) -> Bool {
    // Cheap for long bodies: only the end tells.
    guard bytes.count < 4096 || bytes.suffix(5).elementsEqual("0\r\n\r\n".utf8) else {
      return false
    }
    return RawAnswer(bytes, isBodyless: isBodyless).isWhole
  }
}
