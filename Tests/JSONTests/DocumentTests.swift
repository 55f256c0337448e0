import JSON
import Testing

@Suite struct DocumentTests {
  @Test func `a tree gives what was written and where`() throws {
    let text = #"{ "a": [1, "x", true, null], "b": {"c": 1.50}, "a2": -0, "b": 2 }"#
    let node = try JSONNode(parsing: Array(text.utf8))
    #expect(node["a"]?.array?.count == 4)
    #expect(node["a"]?.array?[0].int == 1)
    #expect(node["a"]?.array?[1].string == "x")
    #expect(node["a"]?.array?[2].bool == true)
    #expect(node["a"]?.array?[3].isNull == true)
    #expect(node["a"]?.offset == 7)
    #expect(node["b"]?.int == 2, "the last of two members counts")
    #expect(node.members?.map(\.name) == ["a", "b", "a2", "b"])
    #expect(node.members?.map(\.nameOffset) == [2, 29, 47, 57])
    guard case .number(let digits) = node.members?[1].node["c"]?.value else {
      Issue.record("c is a number")
      return
    }
    #expect(digits == "1.50")
    #expect(node.members?[1].node["c"]?.int == nil)
    #expect(node["missing"] == nil && node.array == nil && node.string == nil && node.bool == nil)
    #expect(node["a"]?["x"] == nil)
  }

  @Test(arguments: [("9223372036854775808", nil), ("1e3", nil), ("1.0", nil), ("-5", -5)])
  func `only plain integers that fit are integers`(json: String, int: Int?) throws {
    #expect(try JSONNode(parsing: Array(json.utf8)).int == int)
  }

  @Test(arguments: [
    (0, 1, 1), (1, 1, 2), (3, 2, 1), (4, 2, 2), (6, 2, 3), (7, 3, 1), (8, 3, 1), (100, 3, 1),
    (-1, 1, 1),
  ])
  func `a byte has a line and a column`(offset: Int, line: Int, column: Int) {
    let position = JSONText.position(ofByte: offset, in: Array("ab\né!\n".utf8))
    #expect(position == (line, column))
  }

  @Test func `the writer puts commas and blanks`() throws {
    #expect(
      example(JSONWriter()).text
        == #"{"a":[],"b":[1,{"c":"\"","d":false}],"e":{},"f":null,"g":0.10}"#)
    #expect(
      example(JSONWriter(indentation: 2)).text == """
        {
          "a": [],
          "b": [
            1,
            {
              "c": "\\"",
              "d": false
            }
          ],
          "e": {},
          "f": null,
          "g": 0.10
        }
        """)
    #expect(throws: Never.self) { try JSONNode(parsing: example(JSONWriter(indentation: 4)).bytes) }
  }

  private func example(_ empty: JSONWriter) -> JSONWriter {
    var writer = empty
    writer.beginObject()
    writer.name("a")
    writer.beginArray()
    writer.endArray()
    writer.name("b")
    writer.beginArray()
    writer.number(1)
    writer.beginObject()
    writer.name("c")
    writer.string("\"")
    writer.name("d")
    writer.bool(false)
    writer.endObject()
    writer.endArray()
    writer.name("e")
    writer.beginObject()
    writer.endObject()
    writer.name("f")
    writer.null()
    writer.name("g")
    writer.raw(JSONToken(bytes: Array("0.10".utf8)))
    writer.endObject()
    return writer
  }
}
