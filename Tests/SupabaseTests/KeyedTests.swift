import JSON
import Testing
import Transport

@testable import Supabase

/// Requests that name keys: none may be left out, none may be touched that was not named.
struct KeyedTests {
  static let table = TableName(name: "t")

  static func key(_ values: Int...) -> RowKey { RowKey(values.map { JSONToken(int: $0) }) }
  static func key(_ text: String) -> RowKey { RowKey([JSONToken(string: text)]) }

  /// A server that has a row for every key it is asked for, but sends at most `cap`, as `db-max-rows` does.
  static func server(cap: Int = .max) -> ScriptedTransport {
    ScriptedTransport(
      [],
      repeating: .reply { request in
        let ids = ids(request)
        let rows = ids.prefix(cap).map { #"{"id":\#($0)}"# }.joined(separator: ", \n ")
        return json(
          ids.count > cap ? 206 : 200, "[\(rows)]",
          [HTTPHeader("Content-Range", "0-\(min(cap, ids.count) - 1)/\(ids.count)")])
      })
  }

  static func ids(_ request: HTTPRequest) -> [String] {
    guard let query = try? UnderstoodQuery(request.query),
      case .list(_, false, let values) = query.conditions.first, query.conditions.count == 1
    else { return [] }
    return values.sorted()
  }

  static func pages(
    _ transport: ScriptedTransport, _ keys: [RowKey], atMost: Int = 1000, urlBytes: Int = 8000
  ) async throws -> [Page] {
    var limits = RequestLimits()
    limits.maximumURLBytes = urlBytes
    return try await client(transport, limits: limits).rows(
      of: table, keys: keys, keyColumns: ["id"], columns: ["id"], atMost: atMost)
  }

  static func ids(_ pages: [Page]) throws -> [Int] {
    try pages.flatMap { page in
      try (0..<page.rows.count).map { row in
        Int(try page.rows.values(of: ["id"], inRow: row)[0]!.text)!
      }
    }.sorted()
  }

  @Test(arguments: [(0, 0), (1, 1), (3, 1), (4, 2), (10, 4)])
  func `keys are asked for in requests of the size allowed`(count: Int, requests: Int)
    async throws
  {
    let transport = Self.server()
    let pages = try await Self.pages(transport, (0..<count).map { Self.key($0) }, atMost: 3)
    #expect(try Self.ids(pages) == Array(0..<count))
    #expect(transport.requests.count == requests)
    #expect(transport.requests.allSatisfy { $0.headers["Prefer"] == "count=exact" })
  }

  @Test(arguments: [300, 500, 8_000])
  func `no URL is longer than allowed, and none is much shorter than it could be`(bytes: Int)
    async throws
  {
    let transport = Self.server()
    let pages = try await Self.pages(
      transport, (0..<2_000).map { Self.key($0) }, atMost: .max, urlBytes: bytes)
    #expect(try Self.ids(pages) == Array(0..<2_000))
    let lengths = transport.requests.map(\.url.utf8.count)
    #expect(lengths.allSatisfy { $0 <= bytes })
    #expect(lengths.dropLast().allSatisfy { $0 > bytes - 8 })
  }

  @Test(arguments: [1, 2, 7, 30])
  func `rows that the server cut off are asked for again`(cap: Int) async throws {
    let pages = try await Self.pages(Self.server(cap: cap), (0..<100).map { Self.key($0) })
    #expect(try Self.ids(pages) == Array(0..<100))
  }

  @Test(arguments: ["0-0/*", "0-2/3", "*/0", ""])
  func `an answer that was not counted is no evidence`(range: String) async {
    let transport = ScriptedTransport(
      [], repeating: .answer(json(200, #"[{"id":1}]"#, [HTTPHeader("Content-Range", range)])))
    await #expect(throws: PostgRESTError.self) {
      try await Self.pages(transport, [Self.key(1)])
    }
  }

  @Test(arguments: [
    ([RowKey](), ["id"]), ([key(1)], []), ([key(1)], ["id", "b"]), ([key(1, 2)], ["id"]),
    ([RowKey([.null])], ["id"]), ([key(1), RowKey([.null])], ["id"]),
    ([RowKey([JSONToken(bytes: Array("[]".utf8))])], ["id"]),
    ([RowKey([JSONToken(bytes: Array(#"{"a":1}"#.utf8))])], ["id"]), ([key("k1\0zzz")], ["id"]),
    ([RowKey([])], []), ([key(1)], [""]), ([key(1)], ["a\0b"]),
    ([key(String(repeating: "x", count: 9_000))], ["id"]),
  ])
  func `a delete that is not sure to mean its keys is never sent`(
    keys: [RowKey], columns: [String]
  ) async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([])).delete(keys, from: Self.table, keyColumns: columns)
    }
    #expect(error?.kind == .unwritable)
    #expect(error?.message.contains("public.t") == true)
  }

  @Test(arguments: [200, 400, 8_000])
  func `a delete names every key once, and its limit is how many it names`(bytes: Int)
    async throws
  {
    let keys = (0..<50).flatMap { [Self.key($0, $0 * 1_000), Self.key($0, $0 * 1_000)] }
    let transport = ScriptedTransport(
      [],
      repeating: .reply { request in
        let named = Self.composite(request)
        return json(
          200, "[" + named.map { #"{"a":\#($0[0]),"b":\#($0[1])}"# }.joined(separator: ",") + "]")
      })
    var limits = RequestLimits()
    limits.maximumURLBytes = bytes
    let deleted = try await client(transport, limits: limits).delete(
      keys, from: Self.table, keyColumns: ["a", "b"])
    #expect(deleted == 50)
    var named: [[String]] = []
    for request in transport.requests {
      let part = Self.composite(request)
      #expect(request.url.utf8.count <= bytes)
      let query = try UnderstoodQuery(request.query)
      #expect(query.limit == "\(part.count)")
      #expect(query.order == ["a asc", "b asc"])
      #expect(request.headers["Prefer"]?.hasSuffix("max-affected=\(part.count)") == true)
      named += part
    }
    #expect(
      named.sorted { Int($0[0])! < Int($1[0])! } == (0..<50).map { ["\($0)", "\($0 * 1_000)"] })
  }

  /// The keys of `or=(and(a,b),…)`; none where the query says anything else.
  static func composite(_ request: HTTPRequest) -> [[String]] {
    guard let query = try? UnderstoodQuery(request.query), query.conditions.count == 1,
      case .any(let parts) = query.conditions.first
    else { return [] }
    return parts.compactMap { part in
      guard case .all(let pair) = part, pair.count == 2 else { return nil }
      return ["a", "b"].compactMap { column in
        pair.lazy.compactMap { condition in
          guard case .compare(column, false, "eq", let value) = condition else { return nil }
          return value
        }.first
      }
    }
  }

  @Test(arguments: [
    ([key(1), key(2)], #"[{"id":1},{"id":2},{"id":3}]"#),
    ([key(1), key(2)], #"[{"id":3}]"#),
    (
      [key("0a8d0d4e-0000-4000-8000-000000000001")],
      #"[{"id":"0a8d0d4e-0000-4000-8000-000000000002"}]"#
    ),
  ])
  func `rows that were deleted unasked are an error, and nothing more is sent`(
    keys: [RowKey], body: String
  ) async {
    let transport = ScriptedTransport([.answer(json(200, body))])
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(transport).delete(keys, from: Self.table, keyColumns: ["id"])
    }
    #expect(error?.kind == .unreadable)
    #expect(error?.message.contains("not named") == true)
  }

  @Test(arguments: [
    (key("2024-01-01T00:00:00Z"), #""2024-01-01T00:00:00+00:00""#),
    (key("0A8D0D4E-0000-4000-8000-000000000001"), #""0a8d0d4e-0000-4000-8000-000000000001""#),
    (key("é"), #""\u00e9""#), (key("12"), "12"), (key("ab"), #""ab   ""#),
    (RowKey([JSONToken(bytes: Array("1.50".utf8))]), "1.5"),
  ])
  func `another spelling of a key is the same key`(asked: RowKey, deleted: String) async throws {
    let transport = ScriptedTransport([.answer(json(200, #"[{"id":\#(deleted)}]"#))])
    #expect(
      try await client(transport).delete([asked], from: Self.table, keyColumns: ["id"]) == 1)
  }

  @Test func `a row that is not there is not deleted`() async throws {
    let transport = ScriptedTransport([.answer(json(200, "[]"))])
    #expect(
      try await client(transport).delete([Self.key(1)], from: Self.table, keyColumns: ["id"]) == 0)
  }
}
