import JSON
import Supabase
import Testing

@testable import Mirror

private let zoned = "timestamp with time zone"
private let plain = "timestamp without time zone"

private func column(
  _ name: String, _ format: String, isNotNull: Bool = true, isKey: Bool = false,
  default defaultText: String? = nil
) -> Column {
  var column = Column(
    name: name, format: format, isNotNull: isNotNull, isPrimaryKey: isKey, references: nil)
  column.defaultText = defaultText
  return column
}

@Suite struct FieldChoiceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let columns: [Column]
    var moved: [String] = []
    var sequences: [String] = []
    let best: String?

    init(
      _ description: String, _ columns: [Column], moved: [String] = [], sequences: [String] = [],
      best: String?
    ) {
      testDescription = description
      self.columns = columns
      self.moved = moved
      self.sequences = sequences
      self.best = best
    }
  }

  static let cases = [
    Case(
      "changes before making", [column("created_at", zoned), column("updated_at", zoned)],
      best: "updated_at"),
    Case("any spelling", [column("Updated At", zoned)], best: "Updated At"),
    Case("camel case", [column("modifiedAt", plain)], best: "modifiedAt"),
    Case(
      "zone before none", [column("updated_at", plain), column("modified_at", zoned)],
      best: "modified_at"),
    Case(
      "not null first", [column("updated_at", zoned, isNotNull: false), column("modified", zoned)],
      best: "modified"),
    Case(
      "a trigger before a name", [column("updated_at", zoned), column("seen", zoned)],
      moved: ["seen"], best: "seen"),
    Case(
      "a sequence that a trigger moves", [column("seq", "bigint")], moved: ["seq"],
      sequences: ["seq"], best: "seq"),
    Case(
      "a version of each row is no order", [column("version", "bigint")], moved: ["version"],
      best: nil),
    Case(
      "a time before a sequence", [column("seq", "bigint"), column("at", plain)],
      moved: ["seq", "at"], sequences: ["seq"], best: "at"),
    Case("a number alone", [column("id", "bigint", isKey: true)], best: nil),
    Case("made only", [column("created_at", zoned)], best: "created_at"),
    Case("a default of now", [column("happened", zoned, default: "now()")], best: "happened"),
    Case("another time", [column("due_at", zoned)], best: nil),
    Case("a date is too coarse", [column("updated_at", "date")], best: nil),
    Case("a text", [column("updated_at", "text")], best: nil),
  ]

  @Test(arguments: cases) func `the best column is found`(_ example: Case) {
    let name = TableName(name: "t")
    let table = TableDescription(name: name, columns: example.columns)
    var relation = Relation(name: name)
    relation.columns = example.columns.map { column in
      var attribute = Relation.Attribute(name: column.name, type: column.format)
      attribute.defaultExpression =
        example.sequences.contains(column.name) ? "nextval('s'::regclass)" : column.defaultText
      return attribute
    }
    relation.triggers = [
      Relation.Trigger(
        name: "touch", function: "f", events: ["update"], assigns: Set(example.moved))
    ]
    #expect(FieldChoice.best(of: table, relation)?.column == example.best)
    if example.moved.isEmpty { #expect(FieldChoice.best(of: table, nil)?.column == example.best) }
  }

  @Test(arguments: [("D", true, true), ("R", true, true), ("O", false, true), ("O", true, false)])
  func `only an enabled trigger before each row moves a column`(
    enabled: String, isBefore: Bool, isPerRow: Bool
  ) {
    var relation = Relation(name: TableName(name: "t"))
    relation.triggers = [
      Relation.Trigger(
        name: "touch", function: "f", enabled: enabled, isBefore: isBefore, isPerRow: isPerRow,
        events: ["update"], assigns: ["seen"])
    ]
    #expect(!FieldChoice.moves(relation, "seen"))
    relation.triggers[0].enabled = "A"
    relation.triggers[0].isBefore = true
    relation.triggers[0].isPerRow = true
    #expect(FieldChoice.moves(relation, "seen"))
  }
}

@Suite struct InitTests {
  private func source() -> ProjectCatalogue {
    var project = ProjectCatalogue(
      role: "source", url: "u", exposed: Catalogue(tables: [:], functions: []))
    let child = { (name: String, parent: String?) in
      TableDescription(
        name: TableName(name: name),
        columns: [
          column("id", "bigint", isKey: true), column("updated_at", zoned),
          Column(
            name: "parent", format: "bigint", isNotNull: false, isPrimaryKey: false,
            references: parent.map { Column.Reference(table: $0, column: "id") }),
        ])
    }
    for table in [child("a", "b"), child("b", "c"), child("c", nil), child("sync_deletions", nil)] {
      project.exposed.tables[table.name] = table
    }
    return project
  }

  @Test func `parents stand before children, and the mirror's own tables are no tables`() {
    let proposals = TableProposal.all(of: source(), schemas: ["public"])
    #expect(proposals.map(\.table.name) == ["c", "b", "a"])
    #expect(proposals.allSatisfy { $0.configuration?.incrementalFields == ["updated_at"] })
    #expect(TableProposal.all(of: source(), schemas: ["other"]).isEmpty)
  }

  @Test func `what is written is read again as it was`() throws {
    let tables = [
      TableConfiguration(
        name: TableName(schema: "shop", name: "a.b \"☕\"\n"), primaryKeys: ["x", "y\\"],
        incrementalFields: ["Updated At"], realtime: false),
      TableConfiguration(
        name: TableName(name: "todos"), primaryKeys: ["id"], incrementalFields: ["u"]),
    ]
    for schemaFile in [nil, "./tables.config.schema.json"] {
      let text = TableConfiguration.text(of: tables, schemaFile: schemaFile)
      #expect(try TableConfiguration.read(Array(text.utf8), path: "p") == tables)
    }
  }

  @Test func `the environment is kept in a file that says the same`() throws {
    let variables = [
      "SYNC_SOURCE_SUPABASE_URL": "https://a.supabase.co",
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_a$b`c\"d\\e'f#g",
      "SYNC_STATE_PATH": " /with blank # and mark ", "SYNC_LOOP": "", "SYNC_ENV_PATH": "x",
      "PATH": "/bin",
    ]
    #expect(EnvironmentText.namesProjects(variables))
    let file = EnvironmentFile(Array(EnvironmentText.file(of: variables).utf8), path: "f")
    #expect(file.problems == [])
    #expect(
      file.values.mapValues(\.text) == [
        "SYNC_SOURCE_SUPABASE_URL": "https://a.supabase.co",
        "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_a$b`c\"d\\e'f#g",
        "SYNC_STATE_PATH": "/with blank # and mark",
      ])
    #expect(!EnvironmentText.namesProjects(["SYNC_SOURCE_SUPABASE_URL": " ", "PATH": "x"]))
  }

  @Test func `the template is a file whose settings are not set`() {
    let file = EnvironmentFile(Array(EnvironmentText.template.utf8), path: "f")
    #expect(file.problems == [])
    #expect(file.values.count == 4 && file.values.values.allSatisfy(\.text.isEmpty))
    let error = #expect(throws: ConfigurationError.self) {
      try Settings.read(environment: [:], file: file)
    }
    #expect(error?.problems.count == 4)
  }

  @Test(arguments: [
    ("public", false), ("shop", false), ("auth", true), ("graphql_public", true),
    ("supabase_functions", true), ("storage", true), ("pg_catalog", true), ("_realtime", true),
  ])
  func `Supabase's own schemas are not the user's`(_ schema: String, isSystem: Bool) {
    #expect(SystemSchema.isSystem(schema) == isSystem)
  }

  @Test func `nothing has changed where the configuration is what would be made`() {
    let proposals = TableProposal.all(of: source(), schemas: ["public"])
    let tables = proposals.compactMap(\.configuration)
    let same = ConfigurationChanges(
      from: tables, to: proposals, source: source(), target: source())
    #expect(same.lines == [])
    let fewer = ConfigurationChanges(
      from: Array(tables.dropFirst()), to: proposals, source: source(), target: nil)
    #expect(fewer.lines == ["+ public.c"])
  }
}
