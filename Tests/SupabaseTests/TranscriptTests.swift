import JSON
import Testing
import Transport

@testable import Supabase

/// The client's requests, put beside recorded ones: the server must understand the same, and its recorded answer
/// must be read as it was meant.
struct TranscriptTests {
  static func text(_ string: String) -> JSONToken { JSONToken(string: string) }
  static func int(_ int: Int) -> JSONToken { JSONToken(int: int) }
  static func items(_ filters: Filter...) -> ReadQuery {
    ReadQuery(
      table: TableName(name: "items"), columns: ["id"], filters: filters, order: ["id"], limit: 100)
  }
  static func codes(_ filters: Filter..., order: [String] = ["code"]) -> ReadQuery {
    ReadQuery(
      table: TableName(name: "codes"), columns: ["code"], filters: filters, order: order, limit: 100
    )
  }
  static func of(
    _ table: String, _ columns: [String], _ filters: [Filter] = [], order: [String] = [],
    limit: Int = 100, offset: Int = 0
  ) -> ReadQuery {
    ReadQuery(
      table: TableName(name: table), columns: columns, filters: filters, order: order,
      limit: limit, offset: offset)
  }

  static let reads: [(String, ReadQuery)] = [
    ("flt-eq", items(.equal("id", int(2)))),
    ("flt-eq-text", items(.equal("name", text("bolt")))),
    ("flt-eq-text-comma", items(.equal("name", text("Cam, left")))),
    ("flt-eq-null", items(.equal("name", text("null")))),
    ("flt-gt", items(.greater("qty", int(2)))),
    ("flt-gte", items(.greaterOrEqual("qty", int(3)))),
    ("flt-lte", items(.lessOrEqual("qty", int(2)))),
    ("flt-is-null", items(.isNull("note"))),
    ("flt-is-not-null", items(.isNotNull("note"))),
    ("flt-and-one", items(.equal("id", int(1)))),
    ("flt-two-same", items(.greaterOrEqual("id", int(2)), .lessOrEqual("id", int(4)))),
    ("flt-or-is", items(.any([.isNull("note"), .equal("qty", int(0))]))),
    (
      "flt-or-nested",
      items(
        .any([
          .all([.equal("qty", int(10)), .equal("name", text("bolt"))]),
          .all([.equal("qty", int(3)), .equal("name", text("gear"))]),
        ]))
    ),
    (
      "flt-or-quoted",
      items(.any([.equal("name", text("Cam, left")), .equal("name", text("bolt"))]))
    ),
    (
      "flt-or-two",
      items(
        .any([.equal("id", int(1)), .equal("id", int(2))]),
        .any([.equal("id", int(2)), .equal("id", int(3))]))
    ),
    ("flt-ts-plus-enc", items(.equal("made_at", text("2024-01-01T00:00:00+00:00")))),
    ("flt-or-ts-enc", items(.any([.equal("made_at", text("2024-01-01T00:00:00+00:00"))]))),
    ("flt-or-ts-quoted", items(.any([.equal("made_at", text("2024-01-01T00:00:00+00:00"))]))),
    ("flt-quote-inj", items(.equal("name", text("o'clock")))),
    ("flt-backslash", items(.equal("name", text("b\\s")))),
    (
      "flt-codes-or-special",
      codes(.any(["a,b", "p(q)", "d\"q", "b\\s", "sp ace"].map { .equal("code", text($0)) }))
    ),
    ("flt-codes-eq-bs", codes(.equal("code", text("b\\s")), order: [])),
    (
      "flt-int8",
      of("big_ids", [], [.equal("id", JSONToken(bytes: Array("9007199254740993".utf8)))])
    ),
    ("flt-mixed-quoted-key", of("Mixed Case", ["Id"], [.equal("Full Name", text("Bob"))])),
    ("flt-mixed-comma-key", of("Mixed Case", ["Id"], [.equal("comma,col", text("com"))])),
    ("flt-mixed-select-key", of("Mixed Case", ["Id"], [.equal("select", text("sel"))])),
    (
      "flt-mixed-or-quoted",
      of(
        "Mixed Case", ["Id"],
        [.any([.equal("Full Name", text("Bob")), .equal("a.b", text("dotted"))])], order: ["Id"])
    ),
    (
      "flt-ks-quoted",
      of(
        "readings", ["tenant", "at", "seq"],
        [
          .after(
            columns: ["tenant", "at", "seq"],
            values: [text("acme"), text("2024-01-01T00:00:00.000001+00:00"), int(1)])
        ], order: ["tenant", "at", "seq"], limit: 3)
    ),
    ("sel-mixed-quote", of("Mixed Case", ["quo\"te"], [.equal("Id", int(1))])),
    ("sel-mixed-arrow", of("Mixed Case", ["arrow->x"], [.equal("Id", int(1))])),
    ("sel-unicode-table", of("таблица", ["ключ", "значение"], order: ["ключ"])),
    ("sel-empty-table", items(.equal("id", int(-1)))),
    ("pg-limit-offset", of("keyset", ["id"], order: ["id"], limit: 3, offset: 10)),
    ("pg-offset-tail", of("keyset", ["id"], order: ["id"], limit: 10, offset: 2495)),
    ("pg-limit-over-cap", of("keyset", ["id"], order: ["id"], limit: 1500)),
    ("pg-order-text", codes()),
  ]

  @Test(arguments: reads)
  func `a read is understood as the recorded one was, and its answer read`(
    id: String, query: ReadQuery
  ) async throws {
    let recorded = try Transcript.named(id)
    var query = query
    if query.columns.isEmpty { query.columns = ["id", "label"] }
    let transport = ScriptedTransport([.answer(recorded.answer)])
    let page = try await client(transport).read(query)
    let request = try #require(transport.requests.first)
    #expect(request.method == recorded.method)
    #expect(request.path == recorded.path)
    var sent = try UnderstoodQuery(request.query)
    var meant = try UnderstoodQuery(recorded.query)
    // The client always sends a limit and names its columns; and a cursor's first column bounds it twice.
    if meant.limit == nil { sent.limit = nil }
    if meant.select == nil { sent.select = nil }
    if meant.order.isEmpty { sent.order = [] }
    if id.hasPrefix("sel-empty") || id.hasPrefix("flt-codes-eq") { meant.order = sent.order }
    if case .after(let columns, let values) = query.filters.first {
      sent.conditions.remove(
        .compare(
          columns[0], isNegated: false, sign: "gte", value: values[0].string ?? values[0].text))
    }
    #expect(sent == meant)
    #expect(page.rows.bytes == recorded.answer.body)
    #expect(page.rows.count == (try JSONNode(parsing: recorded.answer.body)).array?.count)
  }

  static let deletes: [(String, String, [String], [[JSONToken]], Int)] = [
    ("del-count-rep", "items", ["id"], [[int(1)], [int(2)], [int(99)]], 2),
    (
      "del-or-composite", "readings", ["tenant", "at", "seq"],
      [
        [text("acme"), text("2024-01-01T00:00:00+00:00"), int(1)],
        [text("b,e(t)a"), text("2024-01-01T00:00:00+00:00"), int(1)],
      ], 2
    ),
    (
      "del-in-text-quoted", "codes", ["code"],
      [[text("a,b")], [text("d\"q")], [text("b\\s")], [text("null")]], 4
    ),
    ("del-unquoted-special", "codes", ["code"], [[text("a,b")]], 1),
  ]

  @Test(arguments: deletes)
  func `a delete is understood as the recorded one was, and its answer read`(
    id: String, table: String, keyColumns: [String], keys: [[JSONToken]], count: Int
  ) async throws {
    let recorded = try Transcript.named(id)
    let transport = ScriptedTransport([.answer(recorded.answer)])
    let deleted = try await client(transport).delete(
      keys.map { RowKey($0) }, from: TableName(name: table), keyColumns: keyColumns)
    #expect(deleted == count)
    let request = try #require(transport.requests.first)
    #expect(request.method == "DELETE")
    #expect(request.path == recorded.path)
    let sent = try UnderstoodQuery(request.query)
    let meant = try UnderstoodQuery(recorded.query)
    if id == "del-unquoted-special" {
      #expect(sent.conditions == [.list("code", isNegated: false, ["a,b"])])
    } else {
      #expect(sent.conditions == meant.conditions)
    }
    #expect(sent.select == meant.select)
    #expect(sent.order == keyColumns.map { "\($0) asc" })
    #expect(sent.limit == "\(keys.count)")
    #expect(
      request.headers["Prefer"]
        == "return=representation, handling=strict, max-affected=\(keys.count)")
  }

  @Test(arguments: [
    ("ups-rerun-1", 2), ("ups-big", nil), ("ups-ignore-count", 1), ("ups-merge-no-return", nil),
  ])
  func `the rows that an upsert wrote are counted by the server`(id: String, count: Int?)
    async throws
  {
    let transport = ScriptedTransport([.answer(try Transcript.named(id).answer)])
    let written = try await client(transport).upsert(
      Array(#"[{"code":"k1"}]"#.utf8), into: TableName(name: "codes"), keyColumns: ["code"],
      columns: ["code", "hits"])
    #expect(written == count)
    let request = try #require(transport.requests.first)
    #expect(request.method == "POST")
    let sent = try UnderstoodQuery(request.query)
    #expect(sent.columns == ["code", "hits"])
    #expect(sent.onConflict == ["code"])
    #expect(
      request.headers["Prefer"] == "resolution=merge-duplicates, return=minimal, count=exact")
    #expect(request.headers["Content-Type"] == "application/json")
    #expect(request.headers["Content-Profile"] == "public")
    #expect(request.headers["Accept-Profile"] == nil)
  }

  @Test func `v12 answers an upsert without a new row with 200`() async throws {
    let recorded = try #require(
      Transcript.all.first { $0.file == "v12.2.12-differences" && $0.id == "ups-rerun-2" })
    #expect(recorded.answer.status == 200)
    let written = try await client(ScriptedTransport([.answer(recorded.answer)])).upsert(
      Array("[{}]".utf8), into: TableName(name: "codes"), keyColumns: ["code"], columns: ["code"])
    #expect(written == 2)
  }

  @Test func `a row that a trigger skipped is missing from the returned keys`() async throws {
    let transport = ScriptedTransport([.answer(try Transcript.named("ups-guarded-skip").answer)])
    let keys = try await client(transport).upsertReturningKeys(
      Array(#"[{"id":1},{"id":2}]"#.utf8), into: TableName(name: "guarded"), keyColumns: ["id"],
      columns: ["id", "v"])
    #expect(keys == [RowKey([JSONToken(int: 2)])])
    #expect(try UnderstoodQuery(transport.requests[0].query).select == ["id"])
  }

  @Test func `no rows are counted as none`() async throws {
    let transport = ScriptedTransport([.answer(try Transcript.named("pg-count-exact-none").answer)])
    #expect(try await client(transport).count(of: TableName(name: "keyset"), filters: []) == 0)
    #expect(transport.requests[0].method == "GET")
  }

  @Test(arguments: [("rse-status-204", ""), ("rpc-ret_bigint", "9223372036854775807")])
  func `a function's answer is its body`(id: String, body: String) async throws {
    let recorded = try Transcript.named(id)
    let transport = ScriptedTransport([.answer(recorded.answer)])
    let answer = try await client(transport).rpc("f", schema: "other", arguments: Array("{}".utf8))
    #expect(String(decoding: answer, as: UTF8.self) == body)
    #expect(transport.requests[0].path == "/rpc/f")
    #expect(transport.requests[0].headers["Content-Profile"] == "other")
  }
}
