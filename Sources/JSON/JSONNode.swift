/// A JSON document as a tree, for small documents: configuration, state, error bodies, OpenAPI.
/// Numbers stay text.
package struct JSONNode: Sendable {
  package indirect enum Value: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONNode])
    case object([Member])
  }

  package struct Member: Sendable {
    package let name: String
    package let nameOffset: Int
    package let node: JSONNode
  }

  package let value: Value
  /// Where the value starts, in bytes from the start of the text.
  package let offset: Int

  /// Trees are built, walked and freed by recursion, so their depth has a lower limit than rows have.
  private static let depthLimit = 128

  /// - Throws: also `.invalidString` for an escaped half of a surrogate pair.
  package init(parsing bytes: [UInt8]) throws(JSONError) {
    let text = bytes.span
    var i = JSONScanner.endOfBlanks(text, from: 0)
    let end = try JSONScanner.endOfValue(text, from: i, depthLimit: Self.depthLimit)
    try JSONScanner.checkEnd(text, from: end)
    self = try Self.build(text, &i)
  }

  private init(_ value: Value, at offset: Int) {
    self.value = value
    self.offset = offset
  }

  /// The checked value at `i`, which moves to its end.
  private static func build(_ text: Span<UInt8>, _ i: inout Int) throws(JSONError) -> JSONNode {
    let start = i
    switch text[i] {
    case UInt8(ascii: "{"): return JSONNode(.object(try members(text, &i)), at: start)
    case UInt8(ascii: "["): return JSONNode(.array(try elements(text, &i)), at: start)
    case UInt8(ascii: "\""): return JSONNode(.string(try string(text, &i)), at: start)
    default: break
    }
    i = try JSONScanner.endOfValue(text, from: start)
    switch text[start] {
    case UInt8(ascii: "t"): return JSONNode(.bool(true), at: start)
    case UInt8(ascii: "f"): return JSONNode(.bool(false), at: start)
    case UInt8(ascii: "n"): return JSONNode(.null, at: start)
    default:
      guard let digits = JSONText.decode(text, at: start..<i) else {
        throw JSONError(.invalidNumber, at: start)
      }
      return JSONNode(.number(digits), at: start)
    }
  }

  private static func members(
    _ text: Span<UInt8>, _ i: inout Int
  ) throws(JSONError) -> [Member] {
    var members: [Member] = []
    i = JSONScanner.endOfBlanks(text, from: i + 1)
    while text[i] != UInt8(ascii: "}") {
      let nameOffset = i
      i = try JSONScanner.endOfName(text, from: i).value
      var name = nameOffset
      members.append(
        Member(
          name: try string(text, &name), nameOffset: nameOffset, node: try build(text, &i)))
      i = endOfSeparator(text, from: i)
    }
    i += 1
    return members
  }

  private static func elements(
    _ text: Span<UInt8>, _ i: inout Int
  ) throws(JSONError) -> [JSONNode] {
    var elements: [JSONNode] = []
    i = JSONScanner.endOfBlanks(text, from: i + 1)
    while text[i] != UInt8(ascii: "]") {
      elements.append(try build(text, &i))
      i = endOfSeparator(text, from: i)
    }
    i += 1
    return elements
  }

  private static func endOfSeparator(_ text: Span<UInt8>, from start: Int) -> Int {
    let i = JSONScanner.endOfBlanks(text, from: start)
    return text[i] == UInt8(ascii: ",") ? JSONScanner.endOfBlanks(text, from: i + 1) : i
  }

  private static func string(_ text: Span<UInt8>, _ i: inout Int) throws(JSONError) -> String {
    let start = i
    i = try JSONScanner.endOfString(text, from: start)
    guard let string = JSONText.decode(text, at: start + 1..<i - 1) else {
      throw JSONError(.invalidString, at: start)
    }
    return string
  }

  /// The last member of that name, nil for other kinds of values.
  package subscript(name: String) -> JSONNode? {
    members?.last { $0.name.utf8.elementsEqual(name.utf8) }?.node
  }

  package var string: String? {
    if case .string(let string) = value { string } else { nil }
  }

  /// A number that is a plain integer and fits.
  package var int: Int? {
    if case .number(let digits) = value { Int(digits) } else { nil }
  }

  package var bool: Bool? {
    if case .bool(let bool) = value { bool } else { nil }
  }

  package var array: [JSONNode]? {
    if case .array(let elements) = value { elements } else { nil }
  }

  package var members: [Member]? {
    if case .object(let members) = value { members } else { nil }
  }

  package var isNull: Bool {
    if case .null = value { true } else { false }
  }
}
