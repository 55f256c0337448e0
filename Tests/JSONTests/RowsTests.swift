import JSON
import Testing

@Suite struct RowsTests {
  @Test(arguments: [
    ("[]", []), (" [ ] \n", []), ("[{}]", ["{}"]), ("[{},{}]", ["{}", "{}"]),
    // PostgREST's own layout: json_agg puts comma, blank, line break, blank between rows.
    (#"[{"id":1}, \#n {"id":2}]"#, [#"{"id":1}"#, #"{"id":2}"#]),
    (#"[{ "a" : [ { } , "]}" ] }]"#, [#"{ "a" : [ { } , "]}" ] }"#]),
  ])
  func `rows are found where they stand`(text: String, rows: [String]) throws {
    let found = try JSONRows(Array(text.utf8))
    #expect(found.count == rows.count)
    #expect(found.isEmpty == rows.isEmpty)
    for (index, row) in rows.enumerated() { #expect(Array(found.row(index)) == Array(row.utf8)) }
    let joined = "[" + rows.joined(separator: ",") + "]"
    #expect(found.array(of: 0..<rows.count) == Array(joined.utf8))
  }

  @Test(arguments: [
    ("{}", JSONError(.wrongShape, at: 0)), ("null", JSONError(.wrongShape, at: 0)),
    ("1", JSONError(.wrongShape, at: 0)), (" \"a\"", JSONError(.wrongShape, at: 1)),
    ("[1]", JSONError(.wrongShape, at: 1)), ("[[]]", JSONError(.wrongShape, at: 1)),
    ("[{},null]", JSONError(.wrongShape, at: 4)), ("[{},]", JSONError(.wrongShape, at: 4)),
    ("[{}}", JSONError(.unexpectedByte, at: 3)), ("[{} {}]", JSONError(.unexpectedByte, at: 4)),
    ("[{}]]", JSONError(.trailingBytes, at: 4)), ("[]x", JSONError(.trailingBytes, at: 2)),
    ("[{},", JSONError(.endedEarly, at: 4)), ("[{}", JSONError(.endedEarly, at: 3)),
    ("", JSONError(.endedEarly, at: 0)), ("<!DOCTYPE html>", JSONError(.wrongShape, at: 0)),
  ])
  func `what is no array of objects is refused`(text: String, expected: JSONError) {
    #expect(throws: expected) { try JSONRows(Array(text.utf8)) }
  }

  @Test func `values are taken by name, byte for byte`() throws {
    let text =
      #"[{"id":9007199254740993,"n":0.10,"s":"a\/b","j":{ "a" : [1, 2] },"z":null, "é":-0 }]"#
    let rows = try JSONRows(Array(text.utf8))
    let names = ["n", "id", "j", "s", "z", "é", "missing", "", "ID"]
    let values = try rows.values(of: names, inRow: 0).map { $0?.text }
    #expect(
      values
        == [
          "0.10", "9007199254740993", #"{ "a" : [1, 2] }"#, #""a\/b""#, "null", "-0", nil, nil, nil,
        ])
  }

  @Test(arguments: [
    (#"{"\u0069d":1}"#, "id", "1"), (#"{"i\u0064":1}"#, "id", "1"), (#"{"a\"b":1}"#, "a\"b", "1"),
    (#"{"a\\b":1}"#, "a\\b", "1"), (#"{"a\\b":1}"#, "a\\\\b", nil), (#"{"i\u0064x":1}"#, "id", nil),
    (#"{"id\u0000":1}"#, "id", nil), (#"{"id":1,"id":2}"#, "id", "2"), (#"{"idx":1}"#, "id", nil),
    (#"{"i":1}"#, "id", nil), (#"{"\ud800":1}"#, "\u{FFFD}", nil),
    (#"{"\ud83d\ude00":1}"#, "😀", "1"),
    (#"{"a":{"id":1}}"#, "id", nil), (#"{"":1}"#, "", "1"), (#"{}"#, "id", nil),
    // Two spellings of é are two columns.
    ("{\"e\u{301}\":1}", "\u{E9}", nil), ("{\"\u{E9}\":1}", "\u{E9}", "1"),
  ])
  func `names are compared by what they say`(row: String, name: String, value: String?) throws {
    let rows = try JSONRows(Array("[{},\(row)]".utf8))
    #expect(try rows.values(of: [name], inRow: 1).map { $0?.text } == [value])
    #expect(try rows.values(of: [name], inRow: 0) == [nil])
  }

  @Test func `a subset of rows is rebuilt in the order asked for`() throws {
    let rows = try JSONRows(Array(#"[{"a":1}, {"a" : 2.0},{"a":3e1}]"#.utf8))
    #expect(rows.array(of: [2, 1]) == Array(#"[{"a":3e1},{"a" : 2.0}]"#.utf8))
    #expect(rows.array(of: []) == Array("[]".utf8))
    #expect(try JSONRows(rows.array(of: [1])).count == 1)
  }

  @Test(arguments: [10, 1_000, 100_000])
  func `numbers of any length stay as they are`(digits: Int) throws {
    let number =
      "-" + String(repeating: "9", count: digits) + "." + String(repeating: "0", count: digits)
    let rows = try JSONRows(Array("[{\"n\":\(number)}]".utf8))
    #expect(try rows.values(of: ["n"], inRow: 0).first??.text == number)
  }

  @Test func `a string of fifty megabytes is one value`() throws {
    var bytes = Array("[{\"a\":\"".utf8)
    bytes += [UInt8](repeating: UInt8(ascii: "x"), count: 50_000_000)
    bytes += Array("\"}]".utf8)
    let rows = try JSONRows(bytes)
    #expect(try rows.values(of: ["a"], inRow: 0).first??.bytes.count == 50_000_002)
  }
}
