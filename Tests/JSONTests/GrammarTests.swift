import JSON
import Testing

@Suite struct GrammarTests {
  @Test(arguments: Document.valid)
  func `valid text is taken byte for byte`(document: Document) throws {
    let token = try JSONToken(checking: document.bytes)
    let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    let trimmed = document.bytes.drop { blanks.contains($0) }.reversed()
      .drop { blanks.contains($0) }.reversed()
    #expect(token.bytes == Array(trimmed))
  }

  @Test(arguments: Document.invalid)
  func `invalid text is refused with its reason and place`(document: Document) throws {
    let error = #expect(throws: JSONError.self) { try JSONToken(checking: document.bytes) }
    #expect(error?.reason == document.reason)
    #expect(error?.offset == document.offset)
    #expect(throws: JSONError.self) { try JSONNode(parsing: document.bytes) }
    #expect(throws: JSONError.self) { try JSONRows(document.bytes) }
    // The same bytes as a column of a row are no better. Two columns could come of one, so no unbalanced ones.
    let row = Array("[{\"a\":".utf8) + document.bytes + Array("}]".utf8)
    #expect(throws: JSONError.self) { try JSONRows(row) }
  }

  @Test(arguments: [
    #"[{"id":-12.5e+3,"name":"a\"\u00e9é😀","list":[true,false,null,[],{}]},"#
      + "\n " + #"{"id":0,"name":""}]"#
  ])
  func `every prefix of a document is an error inside it`(text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: Never.self) { try JSONRows(bytes) }
    for length in 0..<bytes.count {
      let prefix = Array(bytes.prefix(length))
      for error in [
        #expect(throws: JSONError.self, "\(length)") { try JSONRows(prefix) },
        #expect(throws: JSONError.self, "\(length)") { try JSONToken(checking: prefix) },
        #expect(throws: JSONError.self, "\(length)") { try JSONNode(parsing: prefix) },
      ] {
        #expect((0...length).contains(error?.offset ?? -1))
      }
    }
  }

  @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
  func `a million open containers are an error, not a crash`(opening: String) {
    let bytes = Array(String(repeating: opening, count: 1_000_000).utf8)
    #expect(throws: JSONError.self) { try JSONRows(bytes) }
    for error in [
      #expect(throws: JSONError.self) { try JSONToken(checking: bytes) },
      #expect(throws: JSONError.self) { try JSONNode(parsing: bytes) },
    ] {
      #expect(error?.reason == .tooDeep)
    }
  }

  @Test(arguments: [(512, true), (513, false)])
  func `the limit of depth is exact`(depth: Int, isAllowed: Bool) {
    let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let token = try? JSONToken(checking: Array(text.utf8))
    #expect((token != nil) == isAllowed)
  }

  @Test func `kinds of containers are remembered at every depth`() {
    // A bit a level is kept, in words of 64: mismatches around the words' edges must be seen.
    for depth in [1, 2, 63, 64, 65, 127, 128, 129, 511] {
      let opening = String(repeating: "{\"a\":", count: depth)
      let closing = String(repeating: "}", count: depth)
      #expect(throws: Never.self) {
        try JSONToken(checking: Array((opening + "[]" + closing).utf8))
      }
      let mixed = opening + "[{}]" + String(repeating: "]", count: depth)
      #expect(throws: JSONError.self) { try JSONToken(checking: Array(mixed.utf8)) }
    }
  }

  @Test func `random damage never crashes and no accepted text has broken strings`() {
    var random = SplitMix64(state: 20_261_121)
    let alphabet = Array("[]{}\",:\\u0e-+. \n\u{0}tfn19é".utf8) + [0xFF, 0xC0, 0xED, 0xA0]
    let documents = Document.valid.map(\.bytes).filter { $0.count > 3 }
    var accepted = 0
    for _ in 0..<100_000 {
      var bytes = documents.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let place = bytes.indices.randomElement(using: &random) ?? 0
        let byte = alphabet.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        default: bytes.remove(at: place)
        }
      }
      do {
        let token = try JSONToken(checking: bytes)
        accepted += 1
        // What is accepted is text, and the tree of it says the same again when it is written.
        #expect(String(validating: bytes, as: UTF8.self) != nil)
        if let node = try? JSONNode(parsing: bytes) {
          let written = node.written
          #expect((try? JSONToken(checking: written))?.bytes == written)
          #expect((try? JSONNode(parsing: written))?.written == written)
        } else {
          #expect(token.text.contains("\\u"), "only halves of surrogate pairs have no tree")
        }
      } catch {
        #expect((0...bytes.count).contains(error.offset))
      }
      _ = try? JSONRows(bytes)
    }
    #expect((1_000..<60_000).contains(accepted), "the damage is neither nothing nor everything")
  }
}

struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension JSONNode {
  var written: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  private func write(to writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let bool): writer.bool(bool)
    case .number(let digits): writer.raw(JSONToken(bytes: Array(digits.utf8)))
    case .string(let string): writer.string(string)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.name(member.name)
        member.node.write(to: &writer)
      }
      writer.endObject()
    }
  }
}
