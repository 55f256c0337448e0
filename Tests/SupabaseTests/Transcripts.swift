import FoundationEssentials
import JSON
import Testing
import Transport

@testable import Supabase

/// The recordings of real servers, by case.
struct Transcript: Sendable, CustomTestStringConvertible {
  let id: String
  /// The file without its ending; later versions' answers are in files of their own.
  let file: String
  let method: String
  let pathAndQuery: String
  let answer: HTTPAnswer

  var testDescription: String { "\(file)/\(id)" }
  var path: String { String(pathAndQuery.prefix { $0 != "?" }) }
  var query: String { String(pathAndQuery.dropFirst(path.count).dropFirst()) }

  static let all: [Transcript] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Transcripts/postgrest")
    let names = try! FileManager.default.contentsOfDirectory(atPath: folder.path())
    return names.filter { $0.hasSuffix(".json") }.sorted().flatMap { name in
      let bytes = [UInt8](try! Data(contentsOf: folder.appending(path: name)))
      return cases(try! JSONNode(parsing: bytes), file: String(name.dropLast(5)))
    }
  }()

  static func named(_ id: String) throws -> Transcript {
    try #require(all.first { $0.id == id && $0.file != "v12.2.12-differences" }, "\(id)")
  }

  private static func cases(_ root: JSONNode, file: String) -> [Transcript] {
    let cases = root["cases"]?.array ?? []
    var bodies: [String: String] = [:]
    return cases.compactMap { node -> Transcript? in
      guard let id = node["id"]?.string, let response = node["response"],
        let status = response["status"]?.int, let request = node["request"],
        let method = request["method"]?.string
      else { return nil }
      var body = response["body"]?.string ?? ""
      if let other = response["body_same_as"]?.string { body = bodies[other] ?? "" }
      bodies[id] = body
      let headers = (response["headers"]?.members ?? []).map {
        HTTPHeader($0.name, $0.node.string ?? "")
      }
      return Transcript(
        id: id, file: file, method: method,
        pathAndQuery: request["path_and_query"]?.string ?? "/",
        answer: HTTPAnswer(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8)))
    }
  }
}

extension HTTPRequest {
  /// What follows the project's URL.
  var pathAndQuery: Substring { url.dropFirst("http://localhost:54321/rest/v1".count) }
  var path: String { String(pathAndQuery.prefix { $0 != "?" }) }
  var query: String { String(pathAndQuery.dropFirst(path.count).dropFirst()) }
}
