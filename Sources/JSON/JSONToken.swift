/// One JSON value, byte for byte as it was received. Numbers are never converted.
package struct JSONToken: Hashable, Sendable {
  package let bytes: [UInt8]

  /// The bytes must be one valid JSON value without blanks around it; the scanner makes these.
  package init(bytes: [UInt8]) { self.bytes = bytes }

  /// Checks bytes that come from elsewhere, such as a state file; blanks around the value are dropped.
  package init(checking bytes: [UInt8]) throws(JSONError) {
    let text = bytes.span
    let start = JSONScanner.endOfBlanks(text, from: 0)
    let end = try JSONScanner.endOfValue(text, from: start)
    try JSONScanner.checkEnd(text, from: end)
    self.bytes = Array(bytes[start..<end])
  }

  /// The JSON string that says `string`.
  package init(string: String) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(string.utf8.count + 2)
    JSONText.encode(string, into: &bytes)
    self.bytes = bytes
  }

  package init(int: Int) { bytes = Array("\(int)".utf8) }

  package static let null = JSONToken(bytes: Array("null".utf8))

  package var isNull: Bool { bytes.first == UInt8(ascii: "n") }
  package var isString: Bool { bytes.first == UInt8(ascii: "\"") }
  /// An array or an object.
  package var isContainer: Bool {
    bytes.first == UInt8(ascii: "{") || bytes.first == UInt8(ascii: "[")
  }
  package var isNumber: Bool {
    guard let first = bytes.first else { return false }
    return first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10
  }

  /// What a string token says, without quotes and escapes. nil for other tokens, and for the one kind of string
  /// that Swift cannot hold: an escaped half of a surrogate pair.
  package var string: String? {
    guard isString, bytes.count >= 2 else { return nil }
    return JSONText.decode(bytes.span, at: 1..<bytes.count - 1)
  }

  /// The token as it stands, quotes and escapes included.
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}
