import JSON
import Supabase
import Testing

@testable import Mirror

/// A project with one table `todos`, with nothing to find.
private func project(_ role: String) -> ProjectCatalogue {
  let name = TableName(name: "todos")
  let column = { (name: String, format: String) in
    Column(
      name: name, format: format, isNotNull: true, isPrimaryKey: name == "id", references: nil)
  }
  let columns = [column("id", "bigint"), column("updated_at", "timestamp with time zone")]
  var project = ProjectCatalogue(
    role: role, url: "https://\(role).supabase.co",
    exposed: Catalogue(
      tables: [name: TableDescription(name: name, columns: columns)],
      functions: ["sync_catalogue", "sync_version"]))
  var relation = Relation(name: name)
  relation.isPublished = true
  relation.columns = columns.map {
    Relation.Attribute(name: $0.name, type: $0.format, isNotNull: true)
  }
  relation.columns[1].defaultExpression = "now()"
  relation.indexes = [
    Relation.Index(name: "todos_pkey", columns: ["id"], isUnique: true, isPrimary: true)
  ]
  relation.triggers = [
    Relation.Trigger(name: "zz_sync_log_delete", function: "f", isOurs: true)
  ]
  if role == "source" {
    relation.triggers.append(
      Relation.Trigger(
        name: "touch", function: "f", events: ["update"], assigns: ["updated_at"]))
  }
  var database = DatabaseCatalogue(
    version: Migration.version,
    server: DatabaseCatalogue.Server(version: "15.1", identity: role),
    owner: DatabaseCatalogue.Owner())
  database.bypassesRowSecurity = true
  database.publication = DatabaseCatalogue.Publication()
  database.functions = ["sync_register_mirror", "sync_mark_processed", "sync_horizon"]
  database.hasLedger = true
  database.hasMarker = true
  database.isMarkerPublished = true
  database.logged = [name: DatabaseCatalogue.Logged(isComplete: true, keyColumns: ["id"])]
  database.relations = [name: relation]
  project.database = database
  return project
}

private let todos = TableConfiguration(
  name: TableName(name: "todos"), primaryKeys: ["id"], incrementalFields: ["updated_at"])

@Suite struct CheckDecisionTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: Finding.Name
    let severity: Finding.Severity
    let make: @Sendable (inout Check) -> Void
    var testDescription: String { name.rawValue }
  }

  private static func fault(
    _ name: Finding.Name, _ severity: Finding.Severity = .warning,
    source: @escaping @Sendable (inout ProjectCatalogue) -> Void = { _ in },
    target: @escaping @Sendable (inout ProjectCatalogue) -> Void = { _ in },
    table: TableConfiguration = todos, conditions: Check.Conditions = Check.Conditions()
  ) -> Fault {
    Fault(name: name, severity: severity) { check in
      var (here, there) = (check.source, check.target)
      source(&here)
      target(&there)
      check = Check(source: here, target: there, tables: [table], conditions: conditions)
    }
  }

  private static let name = TableName(name: "todos")

  /// What takes more than SQL to plant; the rest is planted in real databases.
  static let faults = [
    fault(.clockOff, source: { $0.clockOffset = .seconds(61) }),
    fault(.clockOff, target: { $0.clockOffset = .seconds(-5) }),
    fault(.rowCap, target: { $0.rowCap = 100 }),
    fault(.notLogical, source: { $0.database?.server.walLevel = "replica" }),
    fault(
      .fieldWithoutZone,
      source: { project in
        project.database?.server.timeZone = "Europe/Berlin"
        project.exposed.tables[name] = Self.stamped("timestamp without time zone")
      }, target: { $0.exposed.tables[name] = Self.stamped("timestamp without time zone") }),
    fault(.foreignTable, source: { $0.database?.relations[name]?.kind = .foreign }),
    fault(.view, .problem, target: { $0.database?.relations[name]?.kind = .materialized }),
    fault(
      .rowsOnTarget, source: { $0.database?.relations[name]?.rows = 100 },
      target: { $0.database?.relations[name]?.rows = 300 }),
    fault(
      .fileReadable,
      conditions: {
        var conditions = Check.Conditions()
        conditions.readableFiles = ["/etc/a b"]
        return conditions
      }()),
    fault(.migrationOld, source: { $0.database = nil }),
    fault(.ledgerDisabled, .problem, source: { $0.database?.logged[name]?.isComplete = false }),
  ]

  private static func stamped(_ format: String) -> TableDescription {
    TableDescription(
      name: name,
      columns: [
        Column(name: "id", format: "bigint", isNotNull: true, isPrimaryKey: true, references: nil),
        Column(
          name: "updated_at", format: format, isNotNull: true, isPrimaryKey: false, references: nil),
      ])
  }

  private static var good: Check {
    Check(source: project("source"), target: project("target"), tables: [todos])
  }

  @Test func `nothing is found where nothing is wrong`() {
    #expect(Self.good.findings() == [])
  }

  @Test(arguments: faults) func `a fault is found, and nothing else`(_ fault: Fault) {
    var check = Self.good
    fault.make(&check)
    let found = check.findings()
    #expect(found.map(\.name) == [fault.name])
    #expect(found.first?.severity == fault.severity)
  }

  @Test func `what is not asked for is not checked`() {
    var conditions = Check.Conditions()
    conditions.usesFeed = false
    conditions.deletes = false
    var source = project("source")
    source.database?.publication = nil
    source.database?.logged = [:]
    source.database?.relations[Self.name]?.isPublished = false
    let check = Check(
      source: source, target: project("target"), tables: [todos], conditions: conditions)
    #expect(check.findings() == [])
    let quiet = TableConfiguration(
      name: Self.name, primaryKeys: ["id"], incrementalFields: ["updated_at"], realtime: false)
    var unpublished = project("source")
    unpublished.database?.relations[Self.name]?.isPublished = false
    #expect(
      Check(source: unpublished, target: project("target"), tables: [quiet]).findings() == [])
  }

  @Test func `a table that refers to itself is no circle; two that refer to each other are one`() {
    let other = TableName(name: "other")
    func pair(_ parents: [TableName: [TableName]]) -> [Finding] {
      var (source, target) = (project("source"), project("target"))
      for role in [0, 1] {
        var one = role == 0 ? source : target
        one.exposed.tables[other] = TableDescription(
          name: other, columns: one.exposed.tables[Self.name]!.columns)
        var relation = one.database!.relations[Self.name]!
        relation.name = other
        one.database!.relations[other] = relation
        one.database!.logged[other] = one.database!.logged[Self.name]
        for (child, tables) in parents {
          one.database!.relations[child]!.foreignKeys = tables.map {
            Relation.ForeignKey(name: "to_\($0.name)", columns: ["id"], table: $0)
          }
        }
        if role == 0 { source = one } else { target = one }
      }
      let second = TableConfiguration(
        name: other, primaryKeys: ["id"], incrementalFields: ["updated_at"])
      return Check(source: source, target: target, tables: [todos, second]).findings()
    }
    #expect(pair([Self.name: [Self.name, other]]) == [])
    let found = pair([Self.name: [Self.name, other], other: [Self.name]])
    #expect(found.map(\.name) == [.referenceCircle])
    #expect(found.first?.sql == "alter table public.todos drop constraint to_other;")
  }

  @Test(arguments: [
    ("a.b", false), ("a b", false), ("a,b", false), ("\"a", false), ("a*", false), ("a'b", false),
    ("a\\b", false), ("a_b", true), ("Ünï", true), ("a-b", true),
  ])
  func `names that Realtime cannot carry are told`(_ name: String, isCarried: Bool) {
    #expect(FeedName.isCarried(TableName(name: name)) == isCarried)
  }

  @Test(arguments: [
    ("character varying(10)", "character varying(20)", false),
    ("character varying(20)", "character varying(10)", true),
    ("text", "character varying(10)", true), ("character varying(10)", "character varying", false),
    ("numeric(10,2)", "numeric(10,2)", true), ("numeric(12,2)", "numeric(10,2)", true),
    ("numeric(10,4)", "numeric(10,2)", false), ("numeric(12,4)", "numeric(10,2)", true),
    ("numeric", "numeric(10,2)", true), ("numeric(10,2)", "numeric", false),
    ("numeric(10)", "numeric(10,2)", false),
    ("timestamp(3) with time zone", "timestamp with time zone", false),
    ("timestamp(3) with time zone", "timestamp(2) with time zone", true),
    ("character(5)", "character(4)", false), ("vector(3)", "vector(2)", false),
    ("integer", "integer", true),
  ])
  func `a type holds another where nothing is cut or rounded`(
    _ target: String, _ source: String, holds: Bool
  ) {
    #expect(TypeWidth.holds(target, source) == holds)
  }
}

@Suite struct CheckReportTests {
  private func report(_ findings: [Finding]) -> CheckReport {
    var report = CheckReport()
    report.facts = ["source", "target"].map { CheckReport.Fact(project: $0, text: "https://x") }
    report.tables = [TableName(name: "todos"), TableName(name: "odd\u{1B}[2J")]
    report.findings = findings
    return report
  }

  private let problem = Finding(
    .columnMissing, .problem, on: "target", of: TableName(name: "todos"), "it lacks a",
    why: "nothing is written", mend: "add it", sql: "alter table todos add column a int;\nselect 1;"
  )
  private let warning = Finding(
    .clockOff, .warning, on: "source", "the clock is off", why: "times are wrong", mend: "set it")

  @Test func `problems and projects that cannot be used set the exit code; warnings do not`() {
    #expect(report([]).exitCode == .clean)
    #expect(report([warning]).exitCode == .clean)
    #expect(report([warning, problem]).exitCode == .incomplete)
    for name in [Finding.Name.unreachable, .keyRefused] {
      let end = Finding(name, .problem, on: "source", "x", why: "y", mend: "z")
      #expect(report([end]).exitCode == .project)
    }
  }

  @Test func `each finding stands below what it is about, with its SQL line by line`() {
    #expect(
      report([warning, problem]).text(isColoured: false) == """
        ! source: https://x
          ! the clock is off. [clock-off]
            Why: times are wrong.
            Mend: set it
        ✓ target: https://x
        ✗ public.todos
          ✗ it lacks a. [column-missing]
            Why: nothing is written.
            Mend: add it; at the target run:
              alter table todos add column a int;
              select 1;
        ✓ public.odd\\u{1b}[2J

        1 thing to mend, 1 more to look at, in 2 tables.

        """)
  }

  @Test func `the SQL of one project can be had alone`() {
    let text = report([warning, problem]).sql(for: "target")
    #expect(
      text.hasSuffix(
        """

        -- problem, column-missing: it lacks a
        -- add it
        alter table todos add column a int;
        select 1;

        """))
    #expect(!report([warning, problem]).sql(for: "source").contains("alter"))
  }

  @Test func `programs get everything in one line`() throws {
    let json = report([warning, problem]).json
    #expect(!json.contains("\n"))
    let node = try JSONNode(parsing: Array(json.utf8))
    #expect(node["exitCode"]?.int == 1 && node["problems"]?.int == 1)
    let second = try #require(node["findings"]?.array?.last)
    #expect(second["name"]?.string == "column-missing" && second["project"]?.string == "target")
    #expect(second["schema"]?.string == "public" && second["table"]?.string == "todos")
    #expect(second["sql"]?.string == problem.sql)
    #expect(node["findings"]?.array?.first?["sql"]?.isNull == true)
  }

  @Test func `lines keep to a hundred characters where words allow`() {
    let words = Array(repeating: "some words", count: 40).joined(separator: " ")
    for line in CheckReport.wrapped(words, first: "  ✗ ", rest: "    ").split(separator: "\n") {
      #expect(line.count <= 100)
    }
  }
}
