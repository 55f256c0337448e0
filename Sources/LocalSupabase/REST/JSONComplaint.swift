/// What PostgREST's own JSON parser (aeson) says of a body that is not JSON (`ine-bad-json` and others).
///
/// It speaks of the first place that it cannot read, names what it expected of the outermost array or object,
/// and shows what comes next. Read only once a body is known to be bad, so it need not be fast.
struct JSONComplaint {
  private struct Found: Error {
    var words: String
    var expectation: String?
  }

  private let text: [UInt8]
  private var place = 0
  /// The opening brackets that are not closed yet; not recursion, as bodies may nest as deep as they like.
  private var open: [UInt8] = []

  private init(_ text: [UInt8]) { self.text = text }

  /// The whole message, nil if aeson would have read the text.
  static func words(about text: [UInt8]) -> String? {
    var reader = JSONComplaint(text)
    do throws(Found) {
      try reader.read()
      return nil
    } catch {
      let expected = error.expectation.map { ". Expecting \($0)" } ?? ""
      return "Error in $: \(error.words)\(expected)\(reader.excerpt)"
    }
  }

  /// Of the next 100 bytes those before a line feed, without blanks, quotes and slashes, each byte taken for a
  /// character.
  private var excerpt: String {
    let omitted: Set<UInt8> = [0x09, 0x0D, 0x20, 0x22, 0x2F, 0x5C]
    let line = text.dropFirst(place).prefix(100).filter { !omitted.contains($0) }
      .prefix { $0 != 0x0A }
    guard !line.isEmpty else { return "" }
    var shown = String.UnicodeScalarView()
    for byte in line { shown.append(Unicode.Scalar(byte)) }
    return " at '\(String(shown))'"
  }

  private mutating func read() throws(Found) {
    try value(expecting: nil)
    while let bracket = open.last {
      let isObject = bracket == UInt8(ascii: "{")
      skipBlanks()
      let end = UInt8(ascii: isObject ? "}" : "]")
      let next = try byte(expecting: isObject ? "',' or '}'" : "',' or ']'") {
        $0 == UInt8(ascii: ",") || $0 == end
      }
      if next == end {
        open.removeLast()
      } else {
        try element()
      }
    }
    skipBlanks()
    if place < text.count { throw Found(words: "endOfInput") }
  }

  /// One element or member of the innermost bracket.
  private mutating func element() throws(Found) {
    if open.last == UInt8(ascii: "{") {
      try key()
      try value(expecting: "object value")
    } else {
      try value(expecting: "json list value")
    }
  }

  private mutating func key() throws(Found) {
    skipBlanks()
    _ = try byte(expecting: "object key") { $0 == UInt8(ascii: "\"") }
    try string(expecting: "object key")
    skipBlanks()
    _ = try byte(expecting: "':'") { $0 == UInt8(ascii: ":") }
  }

  /// A scalar, an empty array or object, or all that opens before the first scalar.
  private mutating func value(expecting label: String?) throws(Found) {
    var label = label
    while true {
      skipBlanks()
      guard place < text.count else { throw endedEarly(label) }
      switch text[place] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let isObject = text[place] == UInt8(ascii: "{")
        open.append(text[place])
        place += 1
        skipBlanks()
        guard place < text.count else { throw endedEarly(nil) }
        if text[place] == UInt8(ascii: isObject ? "}" : "]") {
          place += 1
          open.removeLast()
          return
        }
        if isObject { try key() }
        label = isObject ? "object value" : "json list value"
        continue
      case UInt8(ascii: "\""):
        place += 1
        try string(expecting: label)
      case UInt8(ascii: "t"): try literal("true", label)
      case UInt8(ascii: "f"): try literal("false", label)
      case UInt8(ascii: "n"): try literal("null", label)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number(label)
      default: throw found("Failed reading: not a valid json value", label)
      }
      return
    }
  }

  /// The rest of a string. Escapes and UTF-8 are looked at when its end is known, so the complaint about them
  /// stands behind it.
  private mutating func string(expecting label: String?) throws(Found) {
    let start = place
    while true {
      guard place < text.count else { throw endedEarly(label) }
      switch text[place] {
      case UInt8(ascii: "\""):
        let inside = Array(text[start..<place])
        place += 1
        if String(validating: inside, as: UTF8.self) == nil || !Self.isUnescapable(inside) {
          throw found(
            "Failed reading: Cannot decode input: "
              + "Data.Text.Internal.Encoding.decodeUtf8: Invalid UTF-8 stream", label)
        }
        return
      case UInt8(ascii: "\\"): place += 2
      case 0..<0x20: throw found("Failed reading: unescaped control character", label)
      default: place += 1
      }
    }
  }

  private static func isUnescapable(_ text: [UInt8]) -> Bool {
    var i = 0
    while i < text.count {
      guard text[i] == UInt8(ascii: "\\") else {
        i += 1
        continue
      }
      guard i + 1 < text.count else { return false }
      guard text[i + 1] == UInt8(ascii: "u") else {
        guard Array("\"\\/bfnrt".utf8).contains(text[i + 1]) else { return false }
        i += 2
        continue
      }
      guard let unit = codeUnit(text, at: i) else { return false }
      i += 6
      if UTF16.isLeadSurrogate(unit) {
        guard let low = codeUnit(text, at: i), UTF16.isTrailSurrogate(low) else { return false }
        i += 6
      } else if UTF16.isTrailSurrogate(unit) {
        return false
      }
    }
    return true
  }

  /// The four digits of a `\u` that stands at `start`.
  private static func codeUnit(_ text: [UInt8], at start: Int) -> UInt16? {
    guard start + 6 <= text.count, text[start..<start + 2].elementsEqual("\\u".utf8) else {
      return nil
    }
    let digits = text[start + 2..<start + 6]
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private mutating func literal(_ word: String, _ label: String?) throws(Found) {
    let ahead = text[place...].prefix(word.utf8.count)
    if ahead.elementsEqual(word.utf8) {
      place += ahead.count
      return
    }
    if place + ahead.count == text.count, ahead.elementsEqual(word.utf8.prefix(ahead.count)) {
      throw endedEarly(label)
    }
    throw found("string", label)
  }

  private mutating func number(_ label: String?) throws(Found) {
    if text[place] == UInt8(ascii: "-") { place += 1 }
    let start = place
    try digits(label)
    if place > start + 1, text[start] == UInt8(ascii: "0") {
      throw found("Failed reading: leading zero", label)
    }
    if place < text.count, text[place] == UInt8(ascii: ".") {
      place += 1
      try digits(label)
    }
    guard place < text.count, text[place] | 0x20 == UInt8(ascii: "e") else { return }
    place += 1
    if place < text.count, "+-".utf8.contains(text[place]) { place += 1 }
    try digits(label)
  }

  private mutating func digits(_ label: String?) throws(Found) {
    let start = place
    while place < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[place]) {
      place += 1
    }
    guard place == start else { return }
    throw place == text.count
      ? endedEarly(label) : found("Failed reading: takeWhile1", label)
  }

  private mutating func byte(
    expecting label: String, where isWanted: (UInt8) -> Bool
  ) throws(Found) -> UInt8 {
    guard place < text.count else { throw endedEarly(label) }
    guard isWanted(text[place]) else { throw found("Failed reading: satisfy", label) }
    place += 1
    return text[place - 1]
  }

  private mutating func skipBlanks() {
    while place < text.count, [0x09, 0x0A, 0x0D, 0x20].contains(text[place]) { place += 1 }
  }

  private func endedEarly(_ label: String?) -> Found { found("not enough input", label) }

  /// Inside of another array or object only what the outermost one expected is told.
  private func found(_ words: String, _ label: String?) -> Found {
    guard open.count > 1, let outermost = open.first else {
      return Found(words: words, expectation: label)
    }
    return Found(
      words: words,
      expectation: outermost == UInt8(ascii: "{") ? "object value" : "json list value")
  }
}
