/// Received bytes that are checked to be one JSON value, of which little is read: parts are found on demand, nothing
/// is converted, nothing recurses. A part is the range of its bytes, without blanks around it; only parts of the
/// same document may be asked for.
package struct JSONDocument: Sendable {
  package let bytes: [UInt8]
  package let root: Range<Int>

  /// Checks the whole text.
  package init(_ bytes: [UInt8]) throws(JSONError) {
    root = try Self.check(bytes.span)
    self.bytes = bytes
  }

  private static func check(_ text: Span<UInt8>) throws(JSONError) -> Range<Int> {
    let start = JSONScanner.endOfBlanks(text, from: 0)
    let end = try JSONScanner.endOfValue(text, from: start)
    try JSONScanner.checkEnd(text, from: end)
    return start..<end
  }

  /// An array's first elements; nil for other values.
  package func elements(of part: Range<Int>, limit: Int = .max) -> [Range<Int>]? {
    let text = bytes.span
    guard text[part.lowerBound] == UInt8(ascii: "[") else { return nil }
    var elements: [Range<Int>] = []
    var i = JSONScanner.endOfBlanks(text, from: part.lowerBound + 1)
    while text[i] != UInt8(ascii: "]"), elements.count < limit {
      guard let end = try? JSONScanner.endOfValue(text, from: i) else { return nil }
      elements.append(i..<end)
      i = JSONScanner.endOfSeparator(text, from: end)
    }
    return elements
  }

  /// The values of an object's named members, nil where it has no such member; nil for other values. Where a name
  /// stands twice, the last one counts.
  package func values(of names: [String], in part: Range<Int>) -> [Range<Int>?]? {
    let text = bytes.span
    guard text[part.lowerBound] == UInt8(ascii: "{") else { return nil }
    return try? JSONScanner.values(of: names, inObjectAt: part.lowerBound, text)
  }

  package func value(of name: String, in part: Range<Int>) -> Range<Int>? {
    values(of: [name], in: part)?[0]
  }

  package func token(at part: Range<Int>) -> JSONToken { JSONToken(bytes: Array(bytes[part])) }

  package func isNull(at part: Range<Int>) -> Bool { bytes[part.lowerBound] == UInt8(ascii: "n") }

  /// What a string says; nil for other values and for strings that Swift cannot hold (`JSONToken.string`).
  package func string(at part: Range<Int>) -> String? {
    guard bytes[part.lowerBound] == UInt8(ascii: "\"") else { return nil }
    return JSONText.decode(bytes.span, at: part.lowerBound + 1..<part.upperBound - 1)
  }

  /// A plain integer that fits; nil for other values.
  package func integer(at part: Range<Int>) -> Int? {
    guard part.count <= 20 else { return nil }
    return Int(String(decoding: bytes[part], as: UTF8.self))
  }
}

extension JSONScanner {
  /// Of the checked object that starts at `start`; see `JSONDocument.values`.
  static func values(
    of names: [String], inObjectAt start: Int, _ text: Span<UInt8>
  ) throws(JSONError) -> [Range<Int>?] {
    var ranges = [Range<Int>?](repeating: nil, count: names.count)
    var i = endOfBlanks(text, from: start + 1)
    while i < text.count, text[i] != UInt8(ascii: "}") {
      let (nameEnd, value) = try endOfName(text, from: i)
      let end = try endOfValue(text, from: value)
      let name = i + 1..<nameEnd - 1
      for position in names.indices where JSONText.names(names[position], text, at: name) {
        ranges[position] = value..<end
      }
      i = endOfSeparator(text, from: end)
    }
    return ranges
  }

  /// Behind a value in a checked container: the next element or member, or the closing bracket.
  static func endOfSeparator(_ text: Span<UInt8>, from start: Int) -> Int {
    let i = endOfBlanks(text, from: start)
    return i < text.count && text[i] == UInt8(ascii: ",") ? endOfBlanks(text, from: i + 1) : i
  }
}
