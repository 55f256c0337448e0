import JSON
import Testing
import Transport

/// One file of Tests/Transcripts/postgrest.
struct Recording {
  struct Case: CustomTestStringConvertible {
    var id: String
    var headers: HTTPHeaders
    var status: Int
    var answerHeaders: HTTPHeaders
    var body: String
    var testDescription: String { id }
  }

  var cases: [Case]
  /// The secret that all recorded tokens are signed with.
  static let secret = "transcript-secret-0123456789abcdefghijkl"

  static func path(_ name: String) -> String {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return folders.joined(separator: "/") + "/Transcripts/postgrest/" + name
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    try #require(try DurableFile(path(name)).read(), "\(name) is missing")
  }

  init(_ name: String) throws {
    let file = try JSONNode(parsing: try Self.bytes(name))
    cases = (file["cases"]?.array ?? []).compactMap { node in
      guard let request = node["request"], let answer = node["response"] else { return nil }
      return Case(
        id: node["id"]?.string ?? "?", headers: Self.headers(request["headers"]),
        status: answer["status"]?.int ?? 0, answerHeaders: Self.headers(answer["headers"]),
        body: answer["body"]?.string ?? "")
    }
  }

  subscript(id: String) -> Case? { cases.first { $0.id == id } }

  private static func headers(_ node: JSONNode?) -> HTTPHeaders {
    if let members = node?.members {
      return HTTPHeaders(members.map { HTTPHeader($0.name, $0.node.string ?? "") })
    }
    return HTTPHeaders(
      (node?.array ?? []).compactMap { pair in
        guard let pair = pair.array, pair.count == 2 else { return nil }
        return HTTPHeader(pair[0].string ?? "", pair[1].string ?? "")
      })
  }
}
