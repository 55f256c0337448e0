import JSON
import Testing

/// A document and, where it is not JSON, what the scanner says and where.
struct Document: CustomTestStringConvertible, Sendable {
  let bytes: [UInt8]
  let reason: JSONError.Reason?
  let offset: Int

  init(_ text: String) { self.init(Array(text.utf8), nil, 0) }
  init(_ text: String, _ reason: JSONError.Reason, at offset: Int) {
    self.init(Array(text.utf8), reason, offset)
  }
  init(_ bytes: [UInt8], _ reason: JSONError.Reason?, _ offset: Int) {
    self.bytes = bytes
    self.reason = reason
    self.offset = offset
  }

  var testDescription: String { String(decoding: bytes.prefix(60), as: UTF8.self).debugDescription }

  /// Valid JSON with all of the grammar in it.
  static let valid: [Document] = [
    "null", "true", "false", "0", "-0", "1", "-1", "10", "0.0", "0.10", "-0.0", "1e5", "1E5",
    "1e+5", "1e-5",
    "1E400", "0e0", "123.456e-789", "9007199254740993", "12345678901234567890.123456789012345678",
    "\"\"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"/\"", "\"\\b\\f\\n\\r\\t\"",
    "\"\\u0000\"",
    "\"\\u00e9\"", "\"\\u00E9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\udE00\"", "\"\u{7F}\"",
    "\"\u{80}\"",
    "\"é\"", "\"\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\"", "\"\u{D7FF}\u{E000}\"", "\"😀\"",
    "\"\u{2028}\u{2029}\u{FEFF}\"",
    "[]", "[ ]", "[\n]", "{}", "{ }", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]", "[[],[]]", "[{}]",
    "[null,true,false]",
    "{\"a\":1}", "{ \"a\" : 1 }", "{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":2}", "{\"\":0}",
    "{\"\\u0061\":1}",
    "{\"a\":{\"b\":[{\"c\":[]}]}}", " 1 ", "\t\r\n 1\t\r\n ", "[1,[2,[3,[4]]]]",
    "[\"]\",\"}\",\"[\",\"{\",\",\"]",
    "[{},[1]]", "[[1],{\"a\":1},[2,[3],{\"b\":[4]}]]", "{\"a\":[1],\"b\":{\"c\":2},\"d\":[3]}",
    "{\"{\\\"\":\"}\"}",
  ].map { Document($0) }

  static let invalid: [Document] =
    structures + numbers + strings + brokenUTF8 + [
      Document("nul", .endedEarly, at: 3), Document("nulL", .unexpectedByte, at: 3),
      Document("True", .unexpectedByte, at: 0), Document("tru3", .unexpectedByte, at: 3),
      Document("fals", .endedEarly, at: 4), Document("truee", .trailingBytes, at: 4),
      Document("[nulll]", .unexpectedByte, at: 5), Document("NaN", .unexpectedByte, at: 0),
      Document("Infinity", .unexpectedByte, at: 0), Document("undefined", .unexpectedByte, at: 0),
      Document("-Infinity", .invalidNumber, at: 1),
    ]

  private static let structures: [Document] = [
    Document("", .endedEarly, at: 0), Document("  ", .endedEarly, at: 2),
    Document("[", .endedEarly, at: 1), Document("{", .endedEarly, at: 1),
    Document("]", .unexpectedByte, at: 0), Document("}", .unexpectedByte, at: 0),
    Document(",", .unexpectedByte, at: 0), Document(":", .unexpectedByte, at: 0),
    Document("[1", .endedEarly, at: 2), Document("[1,", .endedEarly, at: 3),
    Document("[1,]", .unexpectedByte, at: 3), Document("[,1]", .unexpectedByte, at: 1),
    Document("[,]", .unexpectedByte, at: 1), Document("[1,,2]", .unexpectedByte, at: 3),
    Document("[1 2]", .unexpectedByte, at: 3), Document("[1:2]", .unexpectedByte, at: 2),
    Document("[1}", .unexpectedByte, at: 2), Document("{\"a\":1]", .unexpectedByte, at: 6),
    Document("[[1]", .endedEarly, at: 4), Document("[1]]", .trailingBytes, at: 3),
    Document("{}}", .trailingBytes, at: 2), Document("1 2", .trailingBytes, at: 2),
    Document("{}{}", .trailingBytes, at: 2), Document("[],", .trailingBytes, at: 2),
    Document("{a:1}", .unexpectedByte, at: 1), Document("{'a':1}", .unexpectedByte, at: 1),
    Document("{1:1}", .unexpectedByte, at: 1), Document("{null:1}", .unexpectedByte, at: 1),
    Document("{\"a\"}", .unexpectedByte, at: 4), Document("{\"a\":}", .unexpectedByte, at: 5),
    Document("{\"a\" 1}", .unexpectedByte, at: 5), Document("{\"a\"::1}", .unexpectedByte, at: 5),
    Document("{\"a\",1}", .unexpectedByte, at: 4), Document("{\"a\":1,}", .unexpectedByte, at: 7),
    Document("{,\"a\":1}", .unexpectedByte, at: 1),
    Document("{\"a\":1 \"b\":2}", .unexpectedByte, at: 7),
    Document("{\"a\":1", .endedEarly, at: 6), Document("{\"a\":", .endedEarly, at: 5),
    Document("{\"a\"", .endedEarly, at: 4), Document("{\"a", .endedEarly, at: 3),
    Document("[1]//", .trailingBytes, at: 3), Document("/**/1", .unexpectedByte, at: 0),
    Document("[1]#", .trailingBytes, at: 3), Document("\u{FEFF}1", .unexpectedByte, at: 0),
    Document("\u{A0}1", .unexpectedByte, at: 0), Document("\u{C}1", .unexpectedByte, at: 0),
    Document("1\u{0}", .trailingBytes, at: 1), Document("[\u{0}]", .unexpectedByte, at: 1),
    Document("<html>", .unexpectedByte, at: 0),
  ]

  private static let numbers: [Document] = [
    Document("-", .endedEarly, at: 1), Document("+1", .unexpectedByte, at: 0),
    Document(".5", .unexpectedByte, at: 0), Document("1.", .endedEarly, at: 2),
    Document("[1.]", .invalidNumber, at: 3), Document("[1.e5]", .invalidNumber, at: 3),
    Document("01", .invalidNumber, at: 0), Document("-01", .invalidNumber, at: 1),
    Document("00", .invalidNumber, at: 0), Document("[-]", .invalidNumber, at: 2),
    Document("--1", .invalidNumber, at: 1), Document("1e", .endedEarly, at: 2),
    Document("[1e]", .invalidNumber, at: 3), Document("1e+", .endedEarly, at: 3),
    Document("[1e+]", .invalidNumber, at: 4), Document("[1e5.5]", .unexpectedByte, at: 4),
    Document("[1.2.3]", .unexpectedByte, at: 4), Document("0x10", .trailingBytes, at: 1),
    Document("1_000", .trailingBytes, at: 1), Document("1,5", .trailingBytes, at: 1),
    Document("-a", .invalidNumber, at: 1), Document("1e1e1", .trailingBytes, at: 3),
    Document("１", .unexpectedByte, at: 0),
  ]

  private static let strings: [Document] = [
    Document("\"", .endedEarly, at: 1), Document("\"a", .endedEarly, at: 2),
    Document("\"\\", .endedEarly, at: 2), Document("\"\\\"", .endedEarly, at: 3),
    Document("\"\\x41\"", .invalidString, at: 2), Document("\"\\a\"", .invalidString, at: 2),
    Document("\"\\'\"", .invalidString, at: 2), Document("\"\\U0041\"", .invalidString, at: 2),
    Document("\"\\u\"", .invalidString, at: 3), Document("\"\\u00\"", .invalidString, at: 5),
    Document("\"\\u004\"", .invalidString, at: 6), Document("\"\\u00G1\"", .invalidString, at: 5),
    Document("\"\\u 041\"", .invalidString, at: 3), Document("\"\\u004", .endedEarly, at: 6),
    Document("\"\n\"", .invalidString, at: 1), Document("\"\t\"", .invalidString, at: 1),
    Document("\"\u{0}\"", .invalidString, at: 1), Document("\"\u{1F}\"", .invalidString, at: 1),
    Document("\"a\u{8}\"", .invalidString, at: 2), Document("'a'", .unexpectedByte, at: 0),
    Document("\"\\\u{1}\"", .invalidString, at: 2), Document("\"\\é\"", .invalidString, at: 2),
    Document("\"a\"b", .trailingBytes, at: 3), Document("{\"a\n\":1}", .invalidString, at: 3),
  ]

  /// Each between two quotes; the offset is of the first byte that cannot stand there.
  private static let brokenUTF8: [Document] = [
    ([0x80], 0), ([0xBF], 0), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xC2], 1), ([0xC2, 0x41], 1),
    ([0xC2, 0xC2], 1), ([0xE0, 0x80, 0x80], 1), ([0xE0, 0x9F, 0xBF], 1), ([0xE1, 0x80], 2),
    ([0xE1, 0x41, 0x80], 1), ([0xE1, 0x80, 0x41], 2), ([0xED, 0xA0, 0x80], 1),
    ([0xED, 0xBF, 0xBF], 1),
    ([0xF0, 0x80, 0x80, 0x80], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1), ([0xF0, 0x9F, 0x98], 3),
    ([0xF4, 0x90, 0x80, 0x80], 1), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xFE], 0), ([0xFF], 0),
    ([0x41, 0xE9, 0x41], 2),
  ].map { bytes, offset in
    Document([UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")], .invalidUTF8, offset + 1)
  }
}
