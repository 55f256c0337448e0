import JSON
import Testing
import Transport

@testable import Supabase

/// Pages that are passed on unread.
struct RawPageTests {
  static func page(
    _ body: String, _ range: String?, limit: Int = 10, columns: [String] = ["id"]
  ) async throws -> (RawPage, HTTPRequest) {
    let headers = range.map { [HTTPHeader("Content-Range", $0)] } ?? []
    let transport = ScriptedTransport([], repeating: .reply { _ in json(200, body, headers) })
    let page = try await client(transport).page(
      ReadQuery(table: TableName(name: "t"), columns: ["id", "v"], order: ["id"], limit: limit),
      lastOf: columns)
    return (page, transport.requests[0])
  }

  @Test func `the body is passed on as it came, with the server's count and the last key`()
    async throws
  {
    let body = "[{\"id\":1,\"v\":1.10}, \n {\"id\":9007199254740993,\"v\":null}]"
    let (page, _) = try await Self.page(body, "0-1/*")
    #expect(page.bytes == Array(body.utf8))
    #expect(page.count == 2)
    #expect(page.last.map(\.text) == ["9007199254740993"])
    #expect(try page.rows().count == 2)
  }

  @Test(arguments: [
    ("[]", "*/*", 0), ("[{\"id\":1,\"v\":2}]", "0-0/*", 1), ("[{\"id\":1},{\"id\":2}]", nil, 2),
  ])
  func `what the end of the body does not tell is found by reading it`(
    body: String, range: String?, count: Int
  ) async throws {
    let (page, _) = try await Self.page(body, range)
    #expect(page.count == count)
    #expect(page.isEmpty == (count == 0))
    #expect(page.last.map(\.text) == (count == 0 ? [] : ["\(count)"]))
  }

  @Test(arguments: [
    ("[]", "0-1/*"), ("[{\"id\":1}, \n {\"id\":2}]", "*/*"), ("[{\"id\":1}]", "0-1/*"),
    ("[{\"id\":1}, \n {\"id\":2}]", "0-10/*"), ("[{\"id\":1}, \n {\"key\":2}]", "0-1/*"),
    ("{}", "0-0/*"),
    ("[{\"id\":1}, \n {\"id\":2}", "0-1/*"),
  ])
  func `an answer that contradicts itself is refused`(body: String, range: String) async {
    await #expect(throws: PostgRESTError.self) { try await Self.page(body, range) }
  }

  @Test func `the planner's count is taken from the range`() async throws {
    let transport = ScriptedTransport(
      [],
      repeating: .reply { _ in json(206, "[{\"id\":1}]", [HTTPHeader("Content-Range", "0-0/2500")])
      })
    #expect(try await client(transport).estimatedCount(of: TableName(name: "t")) == 2_500)
    #expect(transport.requests[0].headers["Prefer"] == "count=planned")
    #expect(transport.requests[0].query == "limit=1")
  }
}
