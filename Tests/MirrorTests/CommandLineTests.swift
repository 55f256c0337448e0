import Mirror
import Supabase
import Testing

@Suite struct CommandLineTests {
  @Test func `every option is read`() throws {
    let arguments = try Arguments([
      "--cron", "--approve-deletes", "public.a", "--approve-deletes=b c", "--state", "/s",
      "--env-file=/e", "--table-config", "t", "--log-format", "json", "--log-level=debug",
    ])
    var expected = Arguments()
    expected.isOnePass = true
    expected.approvedDeletes = ["public.a", "b c"]
    expected.statePath = "/s"
    expected.environmentPath = "/e"
    expected.tableConfigPath = "t"
    expected.logFormat = .json
    expected.logLevel = .debug
    #expect(arguments == expected)
  }

  @Test func `a command may stand before and behind its options`() throws {
    for words in [["migration", "--reverse"], ["--reverse", "migration"]] {
      let arguments = try Arguments(words)
      #expect(arguments.command == .migration && arguments.isReverse)
    }
    #expect(try Arguments([]) == Arguments())
    #expect(try Arguments(["run"]) == Arguments())
    let status = try Arguments(["status", "--json", "--state", "/s"])
    #expect(status.command == .status && status.wantsJSON && status.statePath == "/s")
    let promote = try Arguments(["promote", "--dry-run", "--accept-loss", "--headroom=7", "--json"])
    #expect(promote.command == .promote && promote.wantsJSON)
    #expect(promote.isDryRun && promote.promotion.acceptsLoss)
    #expect(promote.promotion.headroom == 7)
    #expect(try Arguments(["promote"]).promotion.headroom == 1_000)
    let backfill = try Arguments([
      "backfill", "--table", "a", "--table=shop.b", "--dry-run", "--state", "/s",
    ])
    #expect(backfill.command == .backfill && backfill.isDryRun && backfill.statePath == "/s")
    #expect(backfill.namedTables == ["a", "shop.b"] && !backfill.isBackfillOfAll)
    #expect(try Arguments(["backfill", "--all"]).isBackfillOfAll)
  }

  @Test func `init and check have options of their own`() throws {
    let begin = try Arguments(["init", "--force", "--schema", "a", "--schema=b c"])
    #expect(begin.command == .`init` && begin.overwrites && begin.schemas == ["a", "b c"])
    #expect(try Arguments(["check", "--sql", "target"]).sqlProject == "target")
    let check = try Arguments(["check", "--json", "--state", "/s"])
    #expect(check.command == .check && check.wantsJSON && check.statePath == "/s")
  }

  @Test(arguments: [
    ["init", "--help"], ["check", "-h"], ["--help"], ["-h"], ["migration", "--help"],
    ["--cron", "--help"],
    ["--help", "migration", "--cron"], ["backfill", "-h"], ["status", "--help"], ["run", "-h"],
  ])
  func `help is there for everything`(words: [String]) throws {
    let arguments = try Arguments(words)
    #expect(arguments.wantsHelp)
    #expect(arguments.help.contains(words.contains("migration") ? "migration.sql" : "exit status"))
    for line in arguments.help.split(separator: "\n") { #expect(line.count <= 90) }
  }

  @Test(arguments: [
    (["--crno"], "did you mean --cron?"), (["--dry-run"], "belongs to supamirror backfill"),
    (["-x"], "unknown option -x"), (["--CRON"], "did you mean --cron?"),
    (["migratoin"], "did you mean migration?"),
    (["mirror"], "unknown command mirror"), (["deletes"], "unknown command deletes"),
    (["migration", "migration"], "one too many"),
    (["--approve-deletes"], "needs schema.table or all"),
    (["--approve-deletes="], "needs"), (["--state", "--cron"], "--state needs a path"),
    (["--state", ""], "--state needs a path"), (["--cron=yes"], "takes no value"),
    (["--log-format", "xml"], "text or json"), (["--log-level", "loud"], "debug, info"),
    (["migration", "--cron"], "no meaning for migration"),
    (["--reverse"], "belongs to supamirror migration"), (["statsu"], "did you mean status?"),
    (["--json"], "belongs to supamirror status"),
    (["--cron", "--accept-loss"], "belongs to supamirror promote"),
    (["promote", "--headroom", "x"], "--headroom must be a whole number"),
    (["promote", "--headroom=-1"], "--headroom must be"), (["promote", "--cron"], "no meaning"),
    (["promote", "--headroom"], "needs a whole number"), (["run", "status"], "one too many"),
    (["status", "--cron"], "no meaning for status"),
    (["--force"], "belongs to supamirror init"), (["check", "--schema", "a"], "supamirror init"),
    (["init", "--json"], "belongs to supamirror status"), (["init", "--schema"], "needs a schema"),
    (["check", "--sql", "both"], "must be source or target"),
    (["--sql=source"], "supamirror check"),
    (["chekc"], "did you mean check?"),
    (["migration", "--state", "s"], "no meaning for migration"),
    (["status", "--reverse"], "belongs to supamirror migration"),
    (["migration", "--approve-deletes", "a"], "no meaning"), (["--version=1"], "takes no value"),
    (["--table", "a"], "belongs to supamirror backfill"), (["backfil"], "did you mean backfill?"),
    (["backfill", "--all", "--table", "a"], "not both"), (["backfill", "--cron"], "no meaning"),
    (["backfill", "--table"], "needs schema.table"), (["backfill", "--dryrun"], "--dry-run?"),
    (["status", "--all"], "belongs to supamirror backfill"),
    (["--"], "unknown option"), (["-"], "unknown command"), ([""], "unknown command"),
    (["sb_secret_123"], "(a long word)"), ([String(repeating: "k", count: 60)], "(a long word)"),
  ])
  func `what cannot be understood is one sentence`(words: [String], part: String) {
    let error = #expect(throws: ArgumentError.self) { try Arguments(words) }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    #expect(error?.description.contains("\n") == false)
  }

  private static let tables =
    ["a", "todos"].map {
      TableConfiguration(name: TableName(name: $0), primaryKeys: ["id"], incrementalFields: ["u"])
    } + [
      TableConfiguration(
        name: TableName(schema: "shop", name: "Line Items"), primaryKeys: ["id"],
        incrementalFields: ["u"])
    ]

  @Test(arguments: [
    ([], DeleteApproval.none), (["all"], .all), (["a"], .tables(["public.a"])),
    (["public.a", "a"], .tables(["public.a"])), (["shop.Line Items"], .tables(["shop.Line Items"])),
    (["a", "all"], .all),
  ])
  func `approval names configured tables`(names: [String], approval: DeleteApproval) throws {
    var arguments = Arguments()
    arguments.approvedDeletes = names
    #expect(try arguments.approval(of: Self.tables) == approval)
  }

  @Test(arguments: [
    ("todo", "did you mean todos?"), ("public.todo", "did you mean public.todos?"),
    ("Line Items", "not a configured"),
    ("shop.a", "not a configured"), ("ALL", "not a configured"),
  ])
  func `approval of what is not mirrored is an error`(name: String, part: String) {
    var arguments = Arguments()
    arguments.approvedDeletes = [name, "all"]
    let error = #expect(throws: ConfigurationError.self) { try arguments.approval(of: Self.tables) }
    #expect(error?.problems.count == 1)
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ([], false, BackfillScope.missing), ([], true, .all),
    (["a"], false, .tables([TableName(name: "a")])),
    (
      ["public.a", "a", "shop.Line Items"], false,
      .tables([TableName(name: "a"), TableName(schema: "shop", name: "Line Items")])
    ),
  ])
  func `a backfill names configured tables`(names: [String], all: Bool, scope: BackfillScope) throws
  {
    var arguments = Arguments()
    arguments.namedTables = names
    arguments.isBackfillOfAll = all
    #expect(try arguments.backfillScope(of: Self.tables) == scope)
  }

  @Test func `a backfill of what passes do not copy is an error`() {
    var arguments = Arguments()
    arguments.namedTables = ["todo", "shop.a", "fed", "a"]
    let fed = TableConfiguration(
      name: TableName(name: "fed"), primaryKeys: ["id"], incrementalFields: [], reconcile: false)
    let error = #expect(throws: ConfigurationError.self) {
      try arguments.backfillScope(of: Self.tables + [fed])
    }
    #expect(
      error?.problems.count == 2 && error?.problems[0].contains("did you mean todos?") == true)
    arguments.namedTables = ["fed"]
    let left = #expect(throws: ConfigurationError.self) {
      try arguments.backfillScope(of: Self.tables + [fed])
    }
    #expect(left?.description.contains("\"reconcile\": false") == true)
  }

  @Test func `what was not copied whole, or is not yet, is missing`() {
    let table = TableName(name: "a")
    let none = TableState(field: "u", keyColumns: ["id"])
    var copied = none
    copied.isCopiedWhole = true
    var open = copied
    open.backfill = OpenBackfill(cap: int(1), ranges: [KeyRange(id: 0)])
    let states: [TableState?] = [nil, none, copied, open]
    func included(_ scope: BackfillScope) -> [Bool] { states.map { scope.includes(table, $0) } }
    #expect(included(.missing) == [true, true, false, true])
    #expect(included(.all) == [true, true, true, true])
    #expect(included(.tables([table])) == [true, true, true, true])
    #expect(included(.tables([TableName(name: "b")])) == [false, false, false, true])
  }
}
