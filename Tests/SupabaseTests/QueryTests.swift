import JSON
import Testing

@testable import Supabase

struct QueryTests {
  typealias Condition = UnderstoodQuery.Condition

  static let nastyTexts = [
    "", " ", "a", "and", "or", "not", "null", "is", "select", "in.(1)", "a,b", "a)b", "(", ")",
    "a.b",
    "\"", "\\", "\\\"", "\"\"", "a\"b\\c", "%", "%2B", "%00", "+", "a+b", "a&b=c", "#", "a;b", "*",
    "a*",
    "->", "->>x", "::text", "a:b", "{1,2}", "[1)", "🙂", "naïve☕", "таблица", "e\u{301}", "\u{301}",
    "line1\nline2", "\t", "\u{1}", "\u{7F}", "\u{FEFF}", "-", "--", "1e5", "0x1", "'", "''; drop--",
    "\u{10FFFF}",
    "2024-01-01T00:00:00+00:00", "fe-ed", "$1", "~!@^`|<>?/",
  ]

  /// The same condition, as the server's rules tell it.
  static func understood(_ filter: Filter) -> Condition {
    func compare(_ column: String, _ sign: String, _ value: JSONToken) -> Condition {
      .compare(column, isNegated: false, sign: sign, value: value.string ?? value.text)
    }
    /// `bound` holds the first column whatever the others say, `last` closes the tuple.
    func beyond(
      _ columns: [String], _ values: [JSONToken], _ sign: String, _ bound: String, _ last: String
    ) -> Condition {
      let alternatives = columns.indices.map { index -> Condition in
        let isLast = index == columns.count - 1
        let parts =
          (0..<index).map { compare(columns[$0], "eq", values[$0]) }
          + [compare(columns[index], isLast ? last : sign, values[index])]
        return index == 0 ? parts[0] : .all(Set(parts))
      }
      return .all([compare(columns[0], bound, values[0]), .any(Set(alternatives))])
    }
    return switch filter {
    case .equal(let column, let value): compare(column, "eq", value)
    case .lessOrEqual(let column, let value): compare(column, "lte", value)
    case .greater(let column, let value): compare(column, "gt", value)
    case .greaterOrEqual(let column, let value): compare(column, "gte", value)
    case .isNull(let column): .compare(column, isNegated: false, sign: "is", value: "null")
    case .isNotNull(let column): .compare(column, isNegated: true, sign: "is", value: "null")
    case .after(let columns, let values): beyond(columns, values, "gt", "gte", "gt")
    case .notAfter(let columns, let values): beyond(columns, values, "lt", "lte", "lte")
    case .arrayLacks(let column, let text):
      .any([
        .compare(column, isNegated: false, sign: "is", value: "null"),
        .compare(
          column, isNegated: true, sign: "cs",
          value: "{\""
            + text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }
            .joined() + "\"}"),
      ])
    case .all(let parts): .all(Set(parts.map(understood)))
    case .any(let parts): .any(Set(parts.map(understood)))
    }
  }

  static func query(_ filters: [Filter]) throws -> UnderstoodQuery {
    try UnderstoodQuery(
      PostgREST.text(
        of: ReadQuery(
          table: TableName(name: "t"), columns: ["id"], filters: filters, limit: 1)
      ).text)
  }

  @Test(arguments: nastyTexts)
  func `a name is understood as it was meant`(name: String) throws {
    guard !name.isEmpty else {
      #expect(throws: Unwritable.self) { try Self.query([.isNull(name)]) }
      return
    }
    let text = try PostgREST.text(
      of: ReadQuery(
        table: TableName(name: "t"), columns: ["id", name],
        filters: [.equal(name, JSONToken(int: 1)), .isNotNull(name)], order: [name, "id"],
        isDescending: true, limit: 5, offset: 7)
    ).text
    var expected = try UnderstoodQuery("limit=5&offset=7")
    expected.select = ["id", name]
    expected.order = ["\(name) desc", "id desc"]
    expected.conditions = [
      .compare(name, isNegated: false, sign: "eq", value: "1"),
      .compare(name, isNegated: true, sign: "is", value: "null"),
    ]
    #expect(try UnderstoodQuery(text) == expected)
    #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "+") })
  }

  @Test(arguments: nastyTexts)
  func `a value is understood as it was meant`(value: String) throws {
    let token = JSONToken(string: value)
    let filters: [Filter] = [
      .equal("c", token), .greater("c", token), .greaterOrEqual("c", token),
      .lessOrEqual("c", token), .any([.equal("c", token), .isNull("d")]), .arrayLacks("a", value),
    ]
    for filter in filters {
      let expected = Self.understood(filter)
      #expect(try Self.query([filter]).conditions == [expected])
      #expect(
        try Self.query([filter, .isNull("x")]).conditions
          == [expected, .compare("x", isNegated: false, sign: "is", value: "null")])
    }
    let keys = try KeyFilter(
      keys: [RowKey([token]), RowKey([JSONToken(int: 1)])], columns: ["k"])
    let (name, text) = try keys.parameter(0..<2)
    #expect(
      try UnderstoodQuery("\(name)=\(percentEncoded(text))").conditions
        == [.list("k", isNegated: false, [value, "1"])])
  }

  @Test(arguments: 0..<60)
  func `any tree of conditions is understood as it was meant`(seed: UInt64) throws {
    var random = Dice(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
    func name() -> String {
      let texts = Self.nastyTexts.filter { !$0.isEmpty }
      return texts[random.roll(texts.count)] + texts[random.roll(texts.count)]
    }
    func value() -> JSONToken {
      switch random.roll(4) {
      case 0: JSONToken(int: Int(truncatingIfNeeded: random.next()))
      case 1: JSONToken(bytes: Array("true".utf8))
      case 2: JSONToken(bytes: Array("-12345678901234567890.12345678901234567890".utf8))
      default: JSONToken(string: name())
      }
    }
    func filter(_ depth: Int) -> Filter {
      switch random.roll(depth > 3 ? 8 : 10) {
      case 0: return .equal(name(), value())
      case 1: return .lessOrEqual(name(), value())
      case 2: return .greater(name(), value())
      case 3: return .greaterOrEqual(name(), value())
      case 4: return random.roll(2) == 0 ? .isNull(name()) : .isNotNull(name())
      case 5: return .arrayLacks(name(), name())
      case 6:
        let count = 2 + random.roll(3)
        return .after(
          columns: (0..<count).map { _ in name() }, values: (0..<count).map { _ in value() })
      case 7:
        let count = 2 + random.roll(3)
        return .notAfter(
          columns: (0..<count).map { _ in name() }, values: (0..<count).map { _ in value() })
      case 8: return .all((0...random.roll(3)).map { _ in filter(depth + 1) })
      default: return .any((0...random.roll(3)).map { _ in filter(depth + 1) })
      }
    }
    for _ in 0..<20 {
      let filters = [Filter.isNull("first")] + (0...random.roll(4)).map { _ in filter(0) }
      let query = try Self.query(filters)
      // A conjunction at the top is one with its parts.
      var expected: Set<Condition> = []
      for filter in filters {
        switch (filter, Self.understood(filter)) {
        case (.all, .all(let parts)), (.after, .all(let parts)), (.notAfter, .all(let parts)):
          expected.formUnion(parts)
        case (_, let condition): expected.insert(condition)
        }
      }
      #expect(query.conditions == expected)
    }
  }

  @Test(arguments: [
    Filter.equal("c", .null), .equal("c", JSONToken(bytes: Array("[1]".utf8))),
    .equal("c", JSONToken(bytes: Array("{}".utf8))), .equal("c", JSONToken(string: "a\0b")),
    .equal("c", JSONToken(bytes: Array(#""\ud800""#.utf8))), .equal("a\0b", JSONToken(int: 1)),
    .equal("", JSONToken(int: 1)), .after(columns: [], values: []),
    .after(columns: ["a", "b"], values: [JSONToken(int: 1)]),
    .after(columns: ["a", "b"], values: [JSONToken(int: 1), .null]), .any([]),
    .any([.all([])]), .arrayLacks("a", "x\0"),
  ])
  func `what the server would cut or misread is refused`(filter: Filter) {
    #expect(throws: Unwritable.self) { try Self.query([filter]) }
  }

  @Test func `a range of one column ends with its upper key`() throws {
    #expect(
      try Self.query([.notAfter(columns: ["id"], values: [JSONToken(int: 5)])]).conditions
        == [.compare("id", isNegated: false, sign: "lte", value: "5")])
  }

  @Test func `a cursor of one column needs no alternatives`() throws {
    #expect(
      try Self.query([.after(columns: ["id"], values: [JSONToken(int: 5)])]).conditions
        == [.compare("id", isNegated: false, sign: "gt", value: "5")])
  }
}

/// SplitMix64.
struct Dice {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func roll(_ sides: Int) -> Int { Int(next() % UInt64(sides)) }
}
