import Mirror
import Supabase
import Testing

@Suite struct ConfigurationTablesTests {
  private func problems(_ text: String) -> [String] {
    do {
      _ = try TableConfiguration.read(Array(text.utf8), path: "t.json")
      return []
    } catch {
      return error.problems
    }
  }

  @Test func `tables are read with their defaults`() throws {
    let text = """
      {"$schema": "./tables.config.schema.json", "tables": [
        {"name": "todos", "primaryKeys": ["id"], "incrementalFields": ["updated_at", "created_at"]},
        {"name": "Line.Items", "schema": "shop", "primaryKeys": ["order", "line"], "reconcile": false,
         "realtime": false},
        {"name": "log", "schema": "shop", "primaryKeys": ["id"], "incrementalFields": ["id"], "reconcile": true}
      ]}
      """
    let tables = try TableConfiguration.read(Array(text.utf8), path: "t.json")
    #expect(
      tables == [
        TableConfiguration(
          name: TableName(name: "todos"), primaryKeys: ["id"],
          incrementalFields: ["updated_at", "created_at"]),
        TableConfiguration(
          name: TableName(schema: "shop", name: "Line.Items"), primaryKeys: ["order", "line"],
          incrementalFields: [], realtime: false, reconcile: false),
        TableConfiguration(
          name: TableName(schema: "shop", name: "log"), primaryKeys: ["id"],
          incrementalFields: ["id"]),
      ])
  }

  @Test(arguments: [
    ("", "1:1: the text ends"), ("{\"tables\": [\n  {,\n", "2:4: a byte"),
    ("[]", "1:1: the file must hold"),
    ("{}", "1:1: \"tables\" is missing"), (#"{"tables": {}}"#, "1:12: \"tables\" must be a list"),
    (#"{"tables": []}"#, "1:12: \"tables\" must be a list of at least one"),
    (#"{"tables": [1]}"#, "1:13: a table must be an object"),
  ])
  func `a file of another shape is an error`(text: String, start: String) {
    let problems = problems(text)
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("t.json:" + start) == true, "\(problems)")
  }

  /// Each member stands in a whole table; the column is counted from the table's `{`, which is 1.
  @Test(arguments: [
    (#"{"primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 1, "\"name\" is missing"),
    (#"{"name": 5, "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10, "\"name\" must be"),
    (#"{"name": "", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10, "\"name\" must be"),
    (
      #"{"name": "a.b", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10,
      "belongs into \"schema\""
    ),
    (
      #"{"name": "a", "schema": null, "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 25,
      "\"schema\" must be"
    ),
    (#"{"name": "a", "incrementalFields": ["u"]}"#, 1, "\"primaryKeys\" must name"),
    (
      #"{"name": "a", "primaryKeys": [], "incrementalFields": ["u"]}"#, 30,
      "\"primaryKeys\" must name"
    ),
    (
      #"{"name": "a", "primaryKeys": "id", "incrementalFields": ["u"]}"#, 30,
      "must be a list of columns"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id", 1], "incrementalFields": ["u"]}"#, 37,
      "names of columns"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id", "id"], "incrementalFields": ["u"]}"#, 37,
      "\"id\" stands twice"
    ),
    (#"{"name": "a", "primaryKeys": ["id"]}"#, 1, "\"incrementalFields\" must name"),
    (
      #"{"name": "a", "primaryKeys": ["id"], "incrementalFields": []}"#, 59,
      "\"incrementalFields\" must name"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id"], "incrementalFields": ["u", "u"]}"#, 65,
      "\"u\" stands twice"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id"], "incrementalFields": ["u"], "reconcile": "no"}"#, 79,
      "true or false"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id"], "incrementalFields": ["u"], "realtime": 1}"#, 78,
      "true or false"
    ),
    (
      #"{"name": "a", "primaryKey": ["x"], "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 15,
      "did you mean primaryKeys?"
    ),
    (
      #"{"name": "a", "filter": "x", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 15,
      "\"filter\" is not a setting"
    ),
    (
      #"{"name": "a", "primaryKeys": ["id"], "incrementalFields": ["u"], "name": "b"}"#, 66,
      "given twice"
    ),
    (
      #"{"name": "sync_deletions", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10,
      "the mirror's own"
    ),
    (
      #"{"name": "sync_mirrors", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10,
      "the mirror's own"
    ),
    (
      #"{"name": "sync_heartbeat", "primaryKeys": ["id"], "incrementalFields": ["u"]}"#, 10,
      "the mirror's own"
    ),
  ])
  func `a flaw in a table is told with line and column`(table: String, column: Int, part: String) {
    let problems = problems("{\"tables\": [\n\(table)\n]}")
    #expect(problems.count == 1, "\(problems)")
    #expect(problems.first?.hasPrefix("t.json:2:\(column): ") == true, "\(problems)")
    #expect(problems.first?.contains(part) == true, "\(problems)")
  }

  @Test func `a table listed twice is an error, in whatever spelling`() {
    let text = """
      {"tables": [
        {"name": "a", "primaryKeys": ["id"], "incrementalFields": ["u"]},
        {"name": "a", "schema": "other", "primaryKeys": ["id"], "incrementalFields": ["u"]},
        {"name": "\\u0061", "schema": "public", "primaryKeys": ["id"], "incrementalFields": ["v"]}
      ]}
      """
    #expect(problems(text) == ["t.json:4:3: public.a is already listed in line 2"])
  }

  @Test func `all flaws are told at once, in the order of the file`() {
    let text = """
      {"tabels": 1, "tables": [
        {"nam": "a", "primaryKeys": []},
        {"name": "b", "primaryKeys": ["id"], "reconcile": 0}
      ]}
      """
    let places = problems(text).map { $0.split(separator: " ")[0] }
    #expect(
      places == [
        "t.json:1:2:", "t.json:2:3:", "t.json:2:3:", "t.json:2:4:", "t.json:2:31:", "t.json:3:3:",
        "t.json:3:53:",
      ], "\(problems(text))")
  }
}
