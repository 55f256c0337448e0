/// The grammar of RFC 8259 over received bytes: finds where values end, converts nothing.
///
/// It checks everything a parser would (structure, literals, numbers, escapes, control characters, UTF-8), holds
/// no heap memory and does not recurse, so no text can exhaust the stack. Every error's offset is at most the
/// text's length.
enum JSONScanner {
  /// How many arrays and objects may be open at once.
  static let depthLimit = 512

  /// The end of the value that starts at `start`, which must not be a blank.
  static func endOfValue(
    _ text: Span<UInt8>, from start: Int, depthLimit: Int = depthLimit
  ) throws(JSONError) -> Int {
    var open = OpenContainers(limit: depthLimit)
    var i = start
    nextValue: while true {
      guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
      switch text[i] {
      case UInt8(ascii: "\""):
        i = try endOfString(text, from: i)
      case UInt8(ascii: "{"):
        guard open.push(isObject: true) else { throw JSONError(.tooDeep, at: i) }
        i = endOfBlanks(text, from: i + 1)
        if i < text.count, text[i] == UInt8(ascii: "}") {
          open.pop()
          i += 1
        } else {
          i = try endOfName(text, from: i).value
          continue nextValue
        }
      case UInt8(ascii: "["):
        guard open.push(isObject: false) else { throw JSONError(.tooDeep, at: i) }
        i = endOfBlanks(text, from: i + 1)
        if i < text.count, text[i] == UInt8(ascii: "]") {
          open.pop()
          i += 1
        } else {
          continue nextValue
        }
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        i = try endOfNumber(text, from: i)
      case UInt8(ascii: "t"): i = try endOfLiteral("true", text, from: i)
      case UInt8(ascii: "f"): i = try endOfLiteral("false", text, from: i)
      case UInt8(ascii: "n"): i = try endOfLiteral("null", text, from: i)
      default: throw JSONError(.unexpectedByte, at: i)
      }

      // A value has ended: close what it completes, until a comma asks for another one.
      while true {
        guard open.depth > 0 else { return i }
        i = endOfBlanks(text, from: i)
        guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
        switch (text[i], open.innermostIsObject) {
        case (UInt8(ascii: ","), true):
          i = try endOfName(text, from: endOfBlanks(text, from: i + 1)).value
          continue nextValue
        case (UInt8(ascii: ","), false):
          i = endOfBlanks(text, from: i + 1)
          continue nextValue
        case (UInt8(ascii: "}"), true), (UInt8(ascii: "]"), false):
          open.pop()
          i += 1
        default: throw JSONError(.unexpectedByte, at: i)
        }
      }
    }
  }

  /// Of a member that starts at `start`: the end of its quoted name, and the start of its value.
  static func endOfName(
    _ text: Span<UInt8>, from start: Int
  ) throws(JSONError) -> (name: Int, value: Int) {
    guard start < text.count else { throw JSONError(.endedEarly, at: text.count) }
    guard text[start] == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: start) }
    let name = try endOfString(text, from: start)
    let colon = endOfBlanks(text, from: name)
    guard colon < text.count else { throw JSONError(.endedEarly, at: text.count) }
    guard text[colon] == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: colon) }
    return (name, endOfBlanks(text, from: colon + 1))
  }

  /// The first byte at or after `start` that is no blank, or the text's end.
  static func endOfBlanks(_ text: Span<UInt8>, from start: Int) -> Int {
    var i = start
    while i < text.count {
      switch text[i] {
      case 0x20, 0x0A, 0x0D, 0x09: i += 1
      default: return i
      }
    }
    return i
  }

  /// Only blanks may stand after `start`.
  static func checkEnd(_ text: Span<UInt8>, from start: Int) throws(JSONError) {
    let i = endOfBlanks(text, from: start)
    guard i == text.count else { throw JSONError(.trailingBytes, at: i) }
  }

  /// The byte after the closing quote of the string whose opening quote is at `start`.
  static func endOfString(_ text: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
    var i = start + 1
    while i < text.count {
      let byte = text[i]
      if byte >= 0x80 {
        i = try endOfMultibyteScalar(text, from: i)
      } else if byte == UInt8(ascii: "\"") {
        return i + 1
      } else if byte == UInt8(ascii: "\\") {
        i = try endOfEscape(text, from: i)
      } else if byte < 0x20 {
        throw JSONError(.invalidString, at: i)
      } else {
        i += 1
      }
    }
    throw JSONError(.endedEarly, at: text.count)
  }

  /// `\uXXXX` may be half of a surrogate pair: PostgreSQL's `json` type keeps such text as it was written.
  private static func endOfEscape(_ text: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
    guard start + 1 < text.count else { throw JSONError(.endedEarly, at: text.count) }
    switch text[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return start + 2
    case UInt8(ascii: "u"):
      for i in start + 2..<start + 6 {
        guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
        guard hexDigit(text[i]) != nil else { throw JSONError(.invalidString, at: i) }
      }
      return start + 6
    default: throw JSONError(.invalidString, at: start + 1)
    }
  }

  static func hexDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  /// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
  private static func endOfMultibyteScalar(
    _ text: Span<UInt8>, from start: Int
  ) throws(JSONError) -> Int {
    let following: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch text[start] {
    case 0xC2...0xDF: following = 1
    case 0xE0: (following, second) = (2, 0xA0...0xBF)
    case 0xED: (following, second) = (2, 0x80...0x9F)
    case 0xE1...0xEF: following = 2
    case 0xF0: (following, second) = (3, 0x90...0xBF)
    case 0xF1...0xF3: following = 3
    case 0xF4: (following, second) = (3, 0x80...0x8F)
    default: throw JSONError(.invalidUTF8, at: start)
    }
    guard start + 1 < text.count else { throw JSONError(.endedEarly, at: text.count) }
    guard second.contains(text[start + 1]) else { throw JSONError(.invalidUTF8, at: start + 1) }
    if following > 1 {
      for i in start + 2...start + following {
        guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
        guard text[i] & 0xC0 == 0x80 else { throw JSONError(.invalidUTF8, at: i) }
      }
    }
    return start + following + 1
  }

  private static func endOfNumber(_ text: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
    var i = start
    if text[i] == UInt8(ascii: "-") { i += 1 }
    let integer = i
    i = try endOfDigits(text, from: i)
    if text[integer] == UInt8(ascii: "0"), i > integer + 1 {
      throw JSONError(.invalidNumber, at: integer)
    }
    if i < text.count, text[i] == UInt8(ascii: ".") {
      i = try endOfDigits(text, from: i + 1)
    }
    if i < text.count, text[i] | 0x20 == UInt8(ascii: "e") {
      i += 1
      if i < text.count, text[i] == UInt8(ascii: "+") || text[i] == UInt8(ascii: "-") { i += 1 }
      i = try endOfDigits(text, from: i)
    }
    return i
  }

  /// At least one digit.
  private static func endOfDigits(_ text: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
    var i = start
    while i < text.count, text[i] &- UInt8(ascii: "0") < 10 { i += 1 }
    guard i == start else { return i }
    throw i < text.count ? JSONError(.invalidNumber, at: i) : JSONError(.endedEarly, at: text.count)
  }

  private static func endOfLiteral(
    _ literal: String, _ text: Span<UInt8>, from start: Int
  ) throws(JSONError) -> Int {
    var i = start
    for scalar in literal.utf8 {
      guard i < text.count else { throw JSONError(.endedEarly, at: text.count) }
      guard text[i] == scalar else { throw JSONError(.unexpectedByte, at: i) }
      i += 1
    }
    return i
  }
}

/// Which arrays and objects are open, a bit each.
private struct OpenContainers {
  private(set) var depth = 0
  private let limit: Int
  private var kinds = InlineArray<8, UInt64>(repeating: 0)

  init(limit: Int) { self.limit = min(limit, 512) }

  var innermostIsObject: Bool {
    kinds[(depth - 1) >> 6] & (1 << UInt64((depth - 1) & 63)) != 0
  }

  mutating func push(isObject: Bool) -> Bool {
    guard depth < limit else { return false }
    let bit: UInt64 = 1 << UInt64(depth & 63)
    if isObject { kinds[depth >> 6] |= bit } else { kinds[depth >> 6] &= ~bit }
    depth += 1
    return true
  }

  mutating func pop() { depth -= 1 }
}
