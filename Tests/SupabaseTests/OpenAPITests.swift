import Testing
import Transport

@testable import Supabase

struct OpenAPITests {
  static func catalogue(_ id: String) async throws -> Catalogue {
    let transport = ScriptedTransport([.answer(try Transcript.named(id).answer)])
    let catalogue = try await client(transport).catalogue(of: "public")
    #expect(transport.requests[0].path == "/")
    #expect(transport.requests[0].headers["Accept"] == "application/openapi+json")
    #expect(transport.requests[0].headers["Accept-Profile"] == "public")
    return catalogue
  }

  @Test func `tables, columns and keys are read from the root document`() async throws {
    let catalogue = try await Self.catalogue("oa-service")
    let items = try #require(catalogue.tables[TableName(name: "items")])
    #expect(
      items.columns.map(\.name) == ["id", "name", "qty", "price", "note", "active", "made_at"])
    #expect(items.primaryKey == ["id"])
    #expect(items["made_at"]?.format == "timestamp with time zone")
    #expect(
      items.columns.filter(\.isNotNull).map(\.name) == ["id", "name", "qty", "active", "made_at"])
    let readings = try #require(catalogue.tables[TableName(name: "readings")])
    #expect(readings.primaryKey == ["tenant", "at", "seq"])
    let children = try #require(catalogue.tables[TableName(name: "children")])
    #expect(
      children["parent_id"]?.references == Column.Reference(table: "parents", column: "id"))
    #expect(children["name"]?.references == nil)
    #expect(catalogue.tables[TableName(name: "no_pk")]?.primaryKey == [])
    let odd = try #require(catalogue.tables[TableName(name: "Mixed Case")])
    #expect(odd.columns.map(\.name).contains("quo\"te"))
    #expect(catalogue.tables[TableName(name: "таблица")]?.primaryKey == ["ключ"])
    #expect(catalogue.functions.isSuperset(of: ["add", "ret_void", "hello"]))
    #expect(!catalogue.functions.contains("items"))
  }

  @Test func `labels, defaults and what can be written are read`() async throws {
    let catalogue = try await Self.catalogue("oa-service")
    let columns = catalogue.tables.values.flatMap(\.columns)
    #expect(columns.contains { !$0.labels.isEmpty })
    #expect(
      catalogue.tables[TableName(name: "uuids")]?["id"]?.defaultText == "gen_random_uuid()")
    #expect(catalogue.tables[TableName(name: "items")]?.isWritable == true)
    #expect(catalogue.tables.values.contains { !$0.isWritable })
  }

  @Test func `the schemas that are served are what a request for another one is told`()
    async throws
  {
    for (body, schemas) in [
      (
        #"{"code":"PGRST106","details":null,"hint":null,"message":"The schema must be one of the following: public, other"}"#,
        ["public", "other"]
      ),
      (
        #"{"code":"PGRST106","details":null,"hint":"Only the following schemas are exposed: api","message":"Invalid schema: x"}"#,
        ["api"]
      ),
    ] {
      let transport = ScriptedTransport([
        .answer(
          HTTPAnswer(
            status: 406, headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8")],
            body: Array(body.utf8)))
      ])
      #expect(try await client(transport).exposedSchemas() == schemas)
    }
  }

  @Test(arguments: [
    ("todos", "todos"), ("Todos", "\"Todos\""), ("order", "\"order\""), ("a b", "\"a b\""),
    ("a\"b", "\"a\"\"b\""), ("1a", "\"1a\""), ("_a1", "_a1"), ("ünï", "\"ünï\""),
    ("user", "\"user\""),
    ("", "\"\""), ("name", "name"),
  ])
  func `names are quoted where SQL needs it`(_ name: String, _ quoted: String) {
    #expect(SQLName.quoted(name) == quoted)
  }

  @Test func `a document that is turned off is an error`() async throws {
    let error = await #expect(throws: PostgRESTError.self) {
      try await Self.catalogue("oad-root")
    }
    #expect(error?.kind == .server(status: 404, code: nil))
  }

  static let key = "This is a Primary Key.<pk/>"
  static let reference = "This is a Foreign Key to `p.id`.<fk table='p' column='id'/>"

  @Test(arguments: [
    ("", false, nil),
    ("Note:\n\(key)", true, nil),
    ("Note:\n\(reference)", false, "p.id"),
    ("Note:\n\(key)\n\(reference)", true, "p.id"),
    ("A comment\n\nNote:\n\(key)", true, nil),
    ("A comment\r\n\nNote:\n\(key)", true, nil),
    // Look-alikes in a comment.
    ("an XML field: <pk/>", false, nil),
    ("\(key)", false, nil),
    ("Note:\nnot \(key)", false, nil),
    ("Note:\n\(key) or so", false, nil),
    ("see Note:\n\(key)", false, nil),
    ("Note:\n\(key)\n\nNote:\n\(reference)", false, "p.id"),
    ("<fk table='a' column='b'/>\n\nNote:\n\(key)", true, nil),
    ("Note:\n\(reference)\n\(key)", false, nil),
    (
      "Note:\nThis is a Foreign Key to `a' column='b.c`.<fk table='a' column='b' column='c'/>",
      false, "a' column='b.c"
    ),
    ("Note:\nThis is a Foreign Key to `x.id`.<fk table='p' column='id'/>", false, nil),
  ])
  func `notes count only where PostgREST writes them`(
    description: String, isKey: Bool, reference: String?
  ) {
    let note = OpenAPI.Note(description)
    #expect(note.isPrimaryKey == isKey)
    #expect(note.references.map { "\($0.table).\($0.column)" } == reference)
  }

  @Test(arguments: ["", "[]", "{}", #"{"swagger":"2.0"}"#, #"{"definitions":{},"paths":{}}"#])
  func `other documents are none`(text: String) {
    #expect(OpenAPI(Array(text.utf8), schema: "public") == nil)
  }
}
