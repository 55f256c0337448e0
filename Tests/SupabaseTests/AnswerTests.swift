import JSON
import Testing
import Transport

@testable import Supabase

/// A success is believed only where it is what was asked for.
struct AnswerTests {
  static let table = TableName(name: "t")
  static let query = ReadQuery(table: table, columns: ["id"], limit: 2)
  static let rows = Array(#"[{"id":1}]"#.utf8)

  static func type(_ type: String?, _ body: String, status: Int = 200) -> HTTPAnswer {
    HTTPAnswer(
      status: status, headers: HTTPHeaders(type.map { [HTTPHeader("content-type", $0)] } ?? []),
      body: Array(body.utf8))
  }

  static let unreadable: [HTTPAnswer] = [
    type("text/html; charset=utf-8", "<html>"), type(nil, #"[{"id":1}]"#),
    type("application/json", #"[{"id":1}"#), type("application/json", ""),
    type("application/json", #"{"id":1}"#), type("application/json", "[1]"),
    type("application/json", #"[{"id":1},{"id":2},{"id":3}]"#),
    type("application/json", "[]", status: 202), type("text/csv", "id"),
  ]

  @Test(arguments: unreadable)
  func `a page that is not rows is an error`(answer: HTTPAnswer) async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([], repeating: .answer(answer))).read(Self.query)
    }
    #expect(error?.kind == .unreadable)
  }

  @Test func `the sentence about a web page asks for the URL`() async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([], repeating: .answer(Self.unreadable[0])))
        .read(Self.query)
    }
    #expect(
      error?.message
        == "target, public.t: answered with text/html instead of JSON; is the URL a Supabase project?"
        + "; tried 3 times in 1 s")
  }

  @Test func `a page tells when the server answered`() async throws {
    let answer = json(206, "[]", [HTTPHeader("Date", "Thu, 29 Feb 2024 23:59:59 GMT")])
    let page = try await client(ScriptedTransport([.answer(answer)])).read(Self.query)
    #expect(page.serverDate == 1_709_251_199)
    #expect(page.rows.isEmpty)
  }

  @Test(arguments: [
    type("text/html", "<html>"), type("text/html", ""), type(nil, ""), type(nil, "", status: 204),
    type("application/json", "[]"),
  ])
  func `a write that nobody confirmed is an error`(answer: HTTPAnswer) async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([], repeating: .answer(answer))).upsert(
        Self.rows, into: Self.table, keyColumns: ["id"], columns: ["id"])
    }
    #expect(error?.kind == .unreadable)
  }

  @Test(arguments: [
    type(nil, "", status: 204), type("text/html", "<html>"), type("application/json", "{}"),
    type("application/json", #"[{"no":1}]"#),
  ])
  func `a delete without the deleted keys is an error`(answer: HTTPAnswer) async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([], repeating: .answer(answer))).delete(
        [RowKey([JSONToken(int: 1)])], from: Self.table, keyColumns: ["id"])
    }
    #expect(error?.kind == .unreadable)
  }

  @Test(arguments: ["[]", " [ ] ", "[\n]"])
  func `no rows are no request`(rows: String) async throws {
    let client = client(ScriptedTransport([]))
    #expect(
      try await client.upsert(
        Array(rows.utf8), into: Self.table, keyColumns: ["id"], columns: ["id"]) == 0)
    #expect(
      try await client.upsertReturningKeys(
        Array(rows.utf8), into: Self.table, keyColumns: ["id"], columns: ["id"]) == [])
  }

  @Test(arguments: [
    ("0-0/2500", "[{}]", 206, 2500), ("0-0/1", "[{}]", 200, 1), ("*/0", "[]", 200, 0),
    ("*/*", "[]", 200, nil), ("0-0/*", "[{}]", 200, nil), ("*/7", "[]", 200, nil),
    ("0-0/x", "[{}]", 200, nil),
  ])
  func `a count is what the server counted`(
    range: String, body: String, status: Int, count: Int?
  ) async throws {
    let transport = ScriptedTransport(
      [], repeating: .answer(json(status, body, [HTTPHeader("Content-Range", range)])))
    let counted = try? await client(transport).count(
      of: Self.table, filters: [.all([.isNull("b")])])
    #expect(counted == count)
    let request = try #require(transport.requests.first)
    #expect(request.headers["Prefer"] == "count=exact")
    #expect(try UnderstoodQuery(request.query).limit == "1")
    #expect(try UnderstoodQuery(request.query).select == ["b"])
  }

  @Test func `every request says who asks`() async throws {
    let transport = ScriptedTransport([.answer(json(200, "[]"))])
    _ = try await client(transport).read(
      ReadQuery(table: TableName(schema: "other", name: "a/b?c"), columns: ["id"], limit: 1))
    let request = transport.requests[0]
    #expect(request.headers["x-supamirror-origin"] == "primary")
    #expect(request.headers["User-Agent"] == "supamirror/\(Version.current)")
    #expect(request.headers["apikey"] == serviceJWT)
    #expect(request.headers["Authorization"] == "Bearer \(serviceJWT)")
    #expect(request.headers["Accept"] == "application/json")
    #expect(request.headers["Accept-Profile"] == "other")
    #expect(request.path == "/a%2Fb%3Fc")
  }

  @Test func `a newer key is no bearer token`() async throws {
    let transport = ScriptedTransport([.answer(json(200, "[]"))])
    _ = try await client(transport, key: "sb_secret_x").read(Self.query)
    #expect(transport.requests[0].headers["apikey"] == "sb_secret_x")
    #expect(transport.requests[0].headers["Authorization"] == nil)
  }

  @Test func `a line end in a schema's name never reaches a header`() async {
    let error = await #expect(throws: PostgRESTError.self) {
      try await client(ScriptedTransport([])).read(
        ReadQuery(table: TableName(schema: "a\r\nX: y", name: "t"), columns: ["id"], limit: 1))
    }
    #expect(error?.kind == .unwritable)
  }

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799),
    ("Tue, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
    ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
    ("Sun, 06 Nov 1994 24:49:37 GMT", nil),
  ])
  func `dates of headers are read`(text: String, seconds: Int?) {
    #expect(Supabase.seconds(ofHTTPDate: text) == seconds)
  }
}
