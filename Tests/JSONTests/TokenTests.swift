import JSON
import Testing

@Suite struct TokenTests {
  @Test(arguments: Document.valid)
  func `every token survives being written, sent and read`(document: Document) throws {
    let token = try JSONToken(checking: document.bytes)
    var writer = JSONWriter()
    writer.beginArray()
    writer.beginObject()
    writer.name("v\"\n")
    writer.raw(token)
    writer.endObject()
    writer.endArray()
    let rows = try JSONRows(writer.bytes)
    #expect(try rows.values(of: ["v\"\n"], inRow: 0) == [token])
    #expect(try JSONRows(rows.array(of: [0])).values(of: ["v\"\n"], inRow: 0) == [token])
  }

  @Test(arguments: [
    (#""""#, ""), (#""abc""#, "abc"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
    (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\ud83d\ude00!""#, "😀!"), (#""\u0000""#, "\u{0}"),
    (#""\ud83d""#, nil), (#""\ud83dx""#, nil), (#""\ude00\ud83d""#, nil), (#""\ud83d\u0041""#, nil),
    (#""\ud83d\n\u0041""#, nil), (#""é😀""#, "é😀"), ("1", nil), ("null", nil), ("[]", nil),
  ])
  func `strings are decoded, or nil where they cannot be`(json: String, string: String?) throws {
    let token = try JSONToken(checking: Array(json.utf8))
    #expect(token.string == string)
    if let string {
      #expect(JSONToken(string: string).string == string)
      #expect(try JSONNode(parsing: Array(json.utf8)).string == string)
    } else if token.isString {
      #expect(throws: JSONError(.invalidString, at: 0)) { try JSONNode(parsing: token.bytes) }
    }
  }

  @Test func `every scalar below U+0800 can be encoded`() throws {
    for value in UInt32(0)..<0x800 {
      let string = "a\(Character(Unicode.Scalar(value) ?? " "))b"
      let token = JSONToken(string: string)
      #expect(try JSONToken(checking: token.bytes) == token)
      #expect(token.string == string)
    }
  }

  @Test(arguments: [
    ("null", "null"), ("true", "bool"), ("false", "bool"), ("-1", "number"), ("0", "number"),
    ("9", "number"), ("\"1\"", "string"), ("{}", "container"), ("[]", "container"),
  ])
  func `a token knows its kind`(json: String, kind: String) throws {
    let token = try JSONToken(checking: Array(json.utf8))
    #expect(token.isNull == (kind == "null"))
    #expect(token.isNumber == (kind == "number"))
    #expect(token.isString == (kind == "string"))
    #expect(token.isContainer == (kind == "container"))
    #expect(token.isNull == (token == .null))
  }

  @Test(arguments: [
    (0, "0"), (-1, "-1"), (Int.max, "9223372036854775807"), (Int.min, "-9223372036854775808"),
  ])
  func `an integer becomes its digits`(int: Int, digits: String) throws {
    #expect(JSONToken(int: int).text == digits)
    #expect(try JSONNode(parsing: Array(digits.utf8)).int == int)
  }
}
