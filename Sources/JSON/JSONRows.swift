/// A JSON array of objects, as PostgREST sends a page: the received bytes and where each row stands in them.
package struct JSONRows: Sendable {
  package let bytes: [UInt8]
  /// Each row's object, from `{` to `}`.
  package let rows: [Range<Int>]

  /// Checks the whole text and finds the rows, in one pass.
  ///
  /// - Throws: `.wrongShape` for JSON that is no array, or has an element that is no object.
  package init(_ bytes: [UInt8]) throws(JSONError) {
    self.rows = try Self.find(bytes.span)
    self.bytes = bytes
  }

  private static func find(_ text: Span<UInt8>) throws(JSONError) -> [Range<Int>] {
    var rows: [Range<Int>] = []
    var i = JSONScanner.endOfBlanks(text, from: 0)
    guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
    guard text[i] == UInt8(ascii: "[") else { throw JSONError(.wrongShape, at: i) }
    i = JSONScanner.endOfBlanks(text, from: i + 1)
    if i < text.count, text[i] == UInt8(ascii: "]") {
      try JSONScanner.checkEnd(text, from: i + 1)
      return rows
    }
    while true {
      guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
      guard text[i] == UInt8(ascii: "{") else { throw JSONError(.wrongShape, at: i) }
      let end = try JSONScanner.endOfValue(text, from: i)
      rows.append(i..<end)
      i = JSONScanner.endOfBlanks(text, from: end)
      guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
      switch text[i] {
      case UInt8(ascii: ","):
        i = JSONScanner.endOfBlanks(text, from: i + 1)
      case UInt8(ascii: "]"):
        try JSONScanner.checkEnd(text, from: i + 1)
        return rows
      default: throw JSONError(.unexpectedByte, at: i)
      }
    }
  }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.isEmpty }

  /// One row's object, byte for byte as received.
  package func row(_ index: Int) -> ArraySlice<UInt8> { bytes[rows[index]] }

  /// The values of the named members of one row, nil where the row has no such member. Where a name stands twice
  /// in the row, the last one counts, as in PostgreSQL.
  package func values(of names: [String], inRow index: Int) throws(JSONError) -> [JSONToken?] {
    let ranges = try JSONScanner.values(
      of: names, inObjectAt: rows[index].lowerBound, bytes.span)
    return ranges.map { range in range.map { JSONToken(bytes: Array(bytes[$0])) } }
  }

  /// An array of the named rows, each byte for byte as received.
  package func array(of indices: some Sequence<Int>) -> [UInt8] {
    var array: [UInt8] = [UInt8(ascii: "[")]
    for index in indices {
      if array.count > 1 { array.append(UInt8(ascii: ",")) }
      array.append(contentsOf: bytes[rows[index]])
    }
    array.append(UInt8(ascii: "]"))
    return array
  }
}
