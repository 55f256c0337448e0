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

  @Test func `views show the keys of the tables behind them, and only whole ones`() async throws {
    let dsn = try await Self.recorded.value
    try PostgresConnection(dsn).run(
      script: """
        create schema extra;
        create schema hidden;
        create type extra.size as enum ('small', 'it''s "big"', '');
        create domain extra.sized as extra.size not null default 'small';
        create table hidden.users (id uuid primary key);
        create table extra.orgs (id bigint primary key, at date not null default '2024-01-01');
        comment on table extra.orgs is E'First line\\n\\nSecond line\\nthird';
        create table extra.pairs (
          a bigint references extra.orgs, b uuid references hidden.users, size extra.sized,
          n numeric default 1.50, s text default E'x\\ty', w text default 'say "hi"',
          primary key (a, b));
        comment on column extra.pairs.a is 'The org';
        create view extra.whole as select b, a, 1 as one, (select max(id) from extra.orgs) as id
          from extra.pairs;
        create view extra.over as select a as x, b as y from extra.whole;
        create view extra.part as select a from extra.pairs union all select 1;
        create view extra.some as select p.a, o.id from extra.pairs p join extra.orgs o on o.id = p.a;
        create function extra.f(a int) returns int language sql as 'select 1';
        create function extra.f(variadic js json[]) returns int language sql as 'select 1';
        create function extra.nameless(int, int) returns int language sql as 'select 1';
        create function extra.t() returns trigger language plpgsql as 'begin end';
        """)
    let text = try document(
      dsn, role: "postgres", OpenAPIOptions(schema: "extra", schemas: ["extra"], host: "h:1"))
    let node = try JSONNode(parsing: Array(text.utf8))
    let pk = "Note:\nThis is a Primary Key.<pk/>"
    let fk = "This is a Foreign Key to `orgs.id`.<fk table='orgs' column='id'/>"

    func descriptions(_ table: String) -> [String: String?] {
      let members = node["definitions"]?[table]?["properties"]?.members ?? []
      return Dictionary(
        uniqueKeysWithValues: members.map { ($0.name, $0.node["description"]?.string) })
    }
    let pairs = descriptions("pairs")
    #expect(pairs["a"] == "The org\n\n\(pk)\n\(fk)")
    #expect(pairs["b"] == pk)
    #expect(descriptions("whole") == ["b": pk, "a": "\(pk)\n\(fk)", "one": nil, "id": nil])
    #expect(descriptions("over") == ["x": "\(pk)\n\(fk)", "y": pk])
    #expect(descriptions("part") == ["a": nil])
    #expect(descriptions("some") == ["a": "Note:\n\(fk)", "id": pk])

    let sized = node["definitions"]?["pairs"]?["properties"]?["size"]
    #expect(sized?["enum"]?.array?.map(\.string) == ["small", "it's \"big\"", ""])
    #expect(text.contains(#""n":{"default":1.5,"#))
    #expect(text.contains(#""at":{"default":"2024-01-01","#))
    #expect(text.contains(#""w":{"format":"text""#))
    let get = node["paths"]?["/orgs"]?["get"]
    #expect(get?["summary"]?.string == "First line")
    #expect(get?["description"]?.string == "Second line\nthird")
    #expect(node["paths"]?["/part"]?["post"] == nil)
    #expect(node["paths"]?["/over"]?["patch"] != nil)

    let functions = node["paths"]?.members?.map(\.name).filter { $0.hasPrefix("/rpc/") }
    #expect(functions == ["/rpc/f"])
    #expect(
      text.contains(
        #"{"collectionFormat":"multi","in":"query","items":{"format":"json","type":"string"},"name":"js","required":true,"type":"array"}"#
      ))
  }

  @Test func `two hundred tables are quick`() async throws {
    let dsn = try await Self.recorded.value
    let tables = (0..<200).map { number in
      "create table many.t\(number) (id bigint primary key, a text default 'x', b int, c uuid, d jsonb, "
        + "e timestamptz not null default now(), f bigint references many.t0(id), g text[]);"
    }
    try PostgresConnection(dsn).run(
      script: "create schema many;" + tables.joined())
    let time = try ContinuousClock().measure {
      let text = try document(
        dsn, role: "postgres", OpenAPIOptions(schema: "many", schemas: ["many"], host: "h:1"))
      #expect(text.contains("t199"))
    }
    #expect(time < .seconds(5))
  }

  /// The recorded text with the members of `paths`, `definitions` and `parameters` in the order of their
  /// tables' names; everything else stays byte for byte.
  static func sorted(_ text: String) throws -> String {
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
