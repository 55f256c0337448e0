import JSON
import Testing

@Suite struct LastRowTests {
  @Test(arguments: [
    ("[{\"id\":1}, \n {\"id\":2}]", "{\"id\":2}"),
    (
      "[{\"id\":1}, \n {\"id\":2}, \n {\"id\":3,\"j\":{ \"a\" : [1] }}] \n",
      "{\"id\":3,\"j\":{ \"a\" : [1] }}"
    ),
    // A value of type json keeps its line breaks; what stands after them is no row.
    ("[{\"id\":1}, \n {\"id\":2,\"j\":[1,\n {\"id\":9}]}]", "{\"id\":2,\"j\":[1,\n {\"id\":9}]}"),
    (
      "[{\"id\":1}, \n {\"id\":2,\"j\":{\"a\":\n{\"id\":9}\n}\n}\n]\n",
      "{\"id\":2,\"j\":{\"a\":\n{\"id\":9}\n}\n}"
    ),
    (
      "[{\"id\":1}, \n {\"id\":2,\"s\":\"}, \\n {\\\"id\\\":7}]\"}]",
      "{\"id\":2,\"s\":\"}, \\n {\\\"id\\\":7}]\"}"
    ),
  ])
  func `the last row is found from the end`(text: String, row: String) throws {
    let bytes = Array(text.utf8)
    let found = try #require(LastRow.find(in: bytes))
    #expect(String(decoding: bytes[found], as: UTF8.self) == row)
    #expect(try JSONRows(bytes).rows.last == found)
  }

  /// Not wrong, but not to be told without reading all of it.
  @Test(arguments: [
    "[]", "[ ]", "", "[", "]", "}]", "{}", "null", "[{\"id\":1}]", "[{\"id\":1},{\"id\":2}]",
    "[{\"id\":1}, \n {\"id\":2}", "[{\"id\":1}, \n {\"id\":2]", "[{\"id\":1}, \n {\"id\":2}]x",
    "[{\"id\":1,\"j\":[1,\n {\"id\":9}]}]", "[1,\n2]", "[{\"id\":1}, \n {\"id\":}]",
  ])
  func `what cannot be told from the end is left to a reader of the whole`(text: String) {
    #expect(LastRow.find(in: Array(text.utf8)) == nil)
  }

  /// Whatever stands in the rows, what is found is what a reader of the whole finds.
  @Test(arguments: 0..<200)
  func `any page has the last row that reading it whole finds`(seed: UInt64) throws {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 7
    func roll(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    func value(_ depth: Int) -> String {
      let blank = ["", " ", "\n", ",\n ".filter { $0 != "," }][roll(4)]
      switch roll(depth > 3 ? 3 : 6) {
      case 0: return "\(roll(1_000))"
      case 1: return "\"}]\\n,{\\\"\(roll(9))\""
      case 2: return "null"
      case 3:
        return "[" + (0...roll(3)).map { _ in blank + value(depth + 1) }.joined(separator: ",\n ")
          + "]"
      default:
        return "{"
          + (0...roll(2)).map { "\(blank)\"k\($0)\":\(blank)\(value(depth + 1))" }.joined(
            separator: ",\n")
          + "\(blank)}"
      }
    }
    let rows = (0...roll(5)).map { "{\"id\":\($0),\"v\":\(value(0))}" }
    let bytes = Array("[\(rows.joined(separator: ", \n "))]".utf8)
    let whole = try JSONRows(bytes).rows.last
    let found = LastRow.find(in: bytes)
    #expect(rows.count == 1 ? found == nil || found == whole : found == whole)
  }

  @Test func `values of the last row are taken by name, byte for byte`() throws {
    let bytes = Array("[{\"id\":1}, \n {\"id\":9007199254740993,\"t\":\"a\\/b\"}]".utf8)
    let row = try #require(LastRow.find(in: bytes))
    let values = try LastRow.values(of: ["t", "id", "missing"], in: row, bytes)
    #expect(values.map { $0?.text } == ["\"a\\/b\"", "9007199254740993", nil])
  }
}
