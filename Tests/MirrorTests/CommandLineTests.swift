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
    ["--help", "migration", "--cron"], ["status", "--help"], ["run", "-h"],
  ])
  func `help is there for everything`(words: [String]) throws {
    let arguments = try Arguments(words)
    #expect(arguments.wantsHelp)
    #expect(arguments.help.contains(words.contains("migration") ? "migration.sql" : "exit status"))
    for line in arguments.help.split(separator: "\n") { #expect(line.count <= 90) }
  }

  @Test(arguments: [
    (["--crno"], "did you mean --cron?"), (["--dry-run"], "unknown option --dry-run"),
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
    (["--json"], "belongs to supamirror status"), (["run", "status"], "one too many"),
    (["status", "--cron"], "no meaning for status"),
    (["--force"], "belongs to supamirror init"), (["check", "--schema", "a"], "supamirror init"),
    (["init", "--json"], "belongs to supamirror status"), (["init", "--schema"], "needs a schema"),
    (["check", "--sql", "both"], "must be source or target"),
    (["--sql=source"], "supamirror check"),
    (["chekc"], "did you mean check?"),
    (["migration", "--state", "s"], "no meaning for migration"),
    (["status", "--reverse"], "belongs to supamirror migration"),
    (["migration", "--approve-deletes", "a"], "no meaning"), (["--version=1"], "takes no value"),
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
}
