import JSON
import LocalSupabase
import Testing

@Suite struct OpenAPITests {
  /// The recorded schema, in a database of its own.
  private static let recorded = Task {
    let cluster = try await TestCluster.shared()
    try PostgresConnection(cluster.dsn()).run(script: "create database openapi")
    let connection = try PostgresConnection(cluster.dsn(database: "openapi"))
    try connection.run(
      script: String(decoding: try Recording.bytes("schema.sql"), as: UTF8.self))
    return cluster.dsn(database: "openapi")
  }

  private func document(_ dsn: String, role: String, _ options: OpenAPIOptions) throws -> String {
    let connection = try PostgresConnection(dsn)
    try connection.run(script: "begin; set local role \(role)")
    return String(decoding: try OpenAPIDocument.bytes(connection, options), as: UTF8.self)
  }

  @Test(arguments: [
    ("openapi.json", "oa-service", "service_role", "public"),
    ("openapi.json", "oa-none", "anon", "public"),
    ("openapi.json", "oa-host", "service_role", "other"),
    ("openapi-modes.json", "oam-anon-other", "anon", "other"),
  ])
  func `the document is the recorded one, with tables and functions sorted`(
    file: String, id: String, role: String, schema: String
  ) async throws {
    var options = OpenAPIOptions(
      schema: schema, schemas: ["public", "other"], host: "127.0.0.1:54620")
    if file == "openapi-modes.json" {
      options.proxyURI = "https://proj.example.com/rest/v1"
      options.ignoresPrivileges = true
    }
    let recorded = try #require(try Recording(file)[id]?.body)
    let made = try document(try await Self.recorded.value, role: role, options)
    let wanted = try Self.sorted(recorded)
    if made != wanted {
      let common = zip(made, wanted).prefix { $0 == $1 }.count
      Issue.record(
        "\(made.dropFirst(max(0, common - 100)).prefix(300)) != \(wanted.dropFirst(max(0, common - 100)).prefix(300))"
      )
    }
  }

  /// The recorded text with the members of `paths`, `definitions` and `parameters` in the order of their
  /// tables' names; everything else stays byte for byte.
  private static func sorted(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    let root = try #require(JSONNode(parsing: bytes).members)
    result.append(UInt8(ascii: "{"))
    for (place, member) in root.enumerated() {
      if place > 0 { result.append(UInt8(ascii: ",")) }
      let end = place + 1 < root.count ? root[place + 1].nameOffset - 1 : bytes.count - 1
      guard ["paths", "definitions", "parameters"].contains(member.name),
        let parts = member.node.members
      else {
        result += bytes[member.nameOffset..<end]
        continue
      }
      result += bytes[member.nameOffset...member.node.offset]
      var slices: [(key: [UInt8], order: Int, text: ArraySlice<UInt8>)] = []
      for (order, part) in parts.enumerated() {
        let last = order + 1 < parts.count ? parts[order + 1].nameOffset - 1 : end - 1
        slices.append((key(part.name, member.name), order, bytes[part.nameOffset..<last]))
      }
      slices.sort {
        $0.key == $1.key ? $0.order < $1.order : $0.key.lexicographicallyPrecedes($1.key)
      }
      result += slices.map { $0.text }.joined(separator: [UInt8(ascii: ",")])
      result.append(UInt8(ascii: "}"))
    }
    result.append(UInt8(ascii: "}"))
    return String(decoding: result, as: UTF8.self)
  }

  /// What the part is sorted by: its table's name, functions after tables, common parameters first.
  private static func key(_ name: String, _ section: String) -> [UInt8] {
    switch section {
    case "paths": return Array((name.hasPrefix("/rpc/") ? "2" : "1").utf8) + Array(name.utf8)
    case "parameters":
      guard name.hasPrefix("body.") || name.hasPrefix("rowFilter.") else { return [] }
      return Array("1\(name.split(separator: ".")[1])".utf8)
    default: return Array(name.utf8)
    }
  }
}
