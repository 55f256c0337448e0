/// The last row of a JSON array of objects, found from the end without reading what comes before it.
package enum LastRow {
  /// Where the last row's object stands, `{` to `}`; nil where it cannot be told from the end alone: no rows, no
  /// line break before a row, other JSON.
  ///
  /// PostgreSQL's `json_agg` writes each row on a line of its own. A string cannot hold a line break, but a value
  /// of type `json` can, with an object after it. Such an object is not taken for a row: it is followed by the end
  /// of the row it stands in, and only what is followed by the end of the array alone counts.
  package static func find(in bytes: [UInt8]) -> Range<Int>? {
    let text = bytes.span
    guard let bracket = startOfBlanks(text, before: text.count), text[bracket] == UInt8(ascii: "]"),
      let brace = startOfBlanks(text, before: bracket), text[brace] == UInt8(ascii: "}")
    else { return nil }
    var tries = 0
    var i = brace
    while i > 0, tries < mostTries {
      i -= 1
      guard text[i] == 0x0A else { continue }
      let start = JSONScanner.endOfBlanks(text, from: i)
      guard start < brace, text[start] == UInt8(ascii: "{") else { continue }
      tries += 1
      if (try? JSONScanner.endOfValue(text, from: start)) == brace + 1 { return start..<brace + 1 }
    }
    return nil
  }

  /// Each reads up to the end of what it takes for a row.
  private static let mostTries = 100

  /// The last byte before `end` that is no blank.
  private static func startOfBlanks(_ text: Span<UInt8>, before end: Int) -> Int? {
    var i = end
    while i > 0 {
      i -= 1
      switch text[i] {
      case 0x20, 0x0A, 0x0D, 0x09: continue
      default: return i
      }
    }
    return nil
  }

  /// The named values of the object at `row`, nil where it has no such member.
  package static func values(
    of names: [String], in row: Range<Int>, _ bytes: [UInt8]
  ) throws(JSONError) -> [JSONToken?] {
    let ranges = try JSONScanner.values(of: names, inObjectAt: row.lowerBound, bytes.span)
    return ranges.map { range in range.map { JSONToken(bytes: Array(bytes[$0])) } }
  }
}
