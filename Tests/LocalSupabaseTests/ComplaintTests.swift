import Testing

@testable import LocalSupabase

/// Beyond what the recordings show of the words that go with refusals.
@Suite struct ComplaintTests {
  @Test(arguments: [
    ("[", "not enough input. Expecting json list value"),
    ("{\"a\":", "not enough input. Expecting object value"),
  ])
  func `a body that nests a hundred thousand times is told of as any other`(
    piece: String, words: String
  ) {
    let body = Array(String(repeating: piece, count: 100_000).utf8)
    #expect(JSONComplaint.words(about: body) == "Error in $: \(words)")
  }

  @Test(arguments: [
    "{}", "[]", " [1, -0.5e+7, \"\\ud83d\\ude00\", {\"a\": [null, true, false]}] ", "\"\\\"\"",
  ])
  func `there is nothing to say of a body that is JSON`(body: String) {
    #expect(JSONComplaint.words(about: Array(body.utf8)) == nil)
  }

  @Test func `of a long rest a hundred bytes are shown`() {
    let words = JSONComplaint.words(about: Array("?".utf8) + Array(repeating: 0x78, count: 500))
    let shown = String(repeating: "x", count: 99)
    #expect(words == "Error in $: Failed reading: not a valid json value at '?\(shown)'")
  }

  @Test(arguments: [
    ("see_heders", "see_headers"), ("SEE_HEADER", "see_header"), ("xyz", nil), ("", nil),
  ])
  func `the most similar name is found, none if all are far away`(wanted: String, found: String?) {
    #expect(SimilarName(["see_header", "see_headers", "add"]).closest(to: wanted) == found)
  }
}
