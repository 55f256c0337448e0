/// The head of an answer, gathered line by line. Interim answers (1xx) come before the final one and are
/// forgotten; trailer fields after the body are ignored.
struct AnswerHead {
  /// More than any server sends. Newer releases of libcurl break off at 300 kB, older ones never.
  static let maximumBytes = 256 << 10

  private(set) var headers = HTTPHeaders()
  private var byteCount = 0
  /// Whether the blank line at the end has come.
  private(set) var isComplete = false

  /// Takes the next line, line break included. False if the head has become too long.
  mutating func take(_ line: some Collection<UInt8>) -> Bool {
    if line.starts(with: "HTTP/".utf8) {
      self = AnswerHead()
      return true
    }
    guard !isComplete else { return true }
    byteCount += line.count
    guard byteCount <= Self.maximumBytes else { return false }
    let text = Self.trimmed(line)
    if text.isEmpty {
      isComplete = true
    } else if let first = line.first, Self.isBlank(first) {
      // A folded line continues the value above it.
      guard let last = headers.fields.indices.last else { return true }
      if !headers.fields[last].value.isEmpty { headers.fields[last].value += " " }
      headers.fields[last].value += String(decoding: text, as: UTF8.self)
    } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
      headers.fields.append(
        HTTPHeader(
          String(decoding: text[..<colon], as: UTF8.self),
          String(decoding: Self.trimmed(text[text.index(after: colon)...]), as: UTF8.self)))
    }
    return true
  }

  /// How many bytes the body has as it is sent, if the server told.
  var contentLength: Int? {
    headers["content-length"].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
  }

  private static func trimmed<Line: Collection<UInt8>>(_ line: Line) -> [UInt8] {
    let text = line.drop(while: isBlank)
    var count = 0
    for (index, byte) in text.enumerated() where !isBlank(byte) { count = index + 1 }
    return Array(text.prefix(count))
  }
}
