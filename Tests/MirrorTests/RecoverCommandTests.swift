import Mirror
import Supabase
import Testing

@Suite struct RecoverCommandTests {
  @Test func `every option is read`() throws {
    let arguments = try Arguments([
      "recover", "--dry-run", "--plan=/p", "--delete-extra", "--overwrite-newer", "--yes", "--from",
      "N3", "--tables", "a,shop.b", "--schemas=public, shop", "--exclude-schemas", "other",
      "--json",
      "--mode", "comprehensive",
    ])
    let recovery = arguments.recovery
    #expect(arguments.command == .recover && arguments.wantsJSON)
    #expect(recovery.options.extent == .plan && recovery.planPath == "/p")
    #expect(recovery.options.deletesExtra && recovery.options.overwritesNewer)
    #expect(recovery.options.approvesDeletes && recovery.source == "N3")
    #expect(recovery.tables == ["a", "shop.b"] && recovery.schemas == ["public", "shop"])
    #expect(recovery.excludedSchemas == ["other"])
    #expect(try Arguments(["recover"]).recovery.options == RecoverRun.Options())
    #expect(try Arguments(["recover", "--analyze-only"]).recovery.options.extent == .analysis)
    #expect(
      try Arguments(["recover", "--mode=missing-only"]).recovery.options.mode == .missingOnly)
    #expect(try Arguments(["recover", "--missing-only"]).recovery.options.mode == .missingOnly)
    #expect(try Arguments(["recover", "--apply", "/p", "--yes"]).recovery.appliedPath == "/p")
    #expect(try Arguments(["recover", "--quiet"]).logLevel == .warning)
    #expect(try Arguments(["recover", "--verbose"]).logLevel == .debug)
    #expect(try Arguments(["recover", "--help"]).help.contains("exit status"))
  }

  @Test(arguments: [
    (
      ["--mode", "origin-aware", "--origin", "n1"], "rows do not know which project they came from"
    ),
    (["--origin", "n1"], "--origin belongs to --mode origin-aware"),
    (["--mode", "all"], "--mode must be comprehensive, missing-only or origin-aware"),
    (["--plan", "/p"], "give --dry-run as well"),
    (["--apply", "/p", "--delete-extra"], "the plan says what is done"),
    (["--apply", "/p", "--dry-run"], "the plan says what is done"),
    (["--missing-only", "--delete-extra"], "does not go together with --missing-only"),
    (["--missing-only", "--mode", "comprehensive"], "give one of them"),
    (["--analyze-only", "--dry-run"], "not both"), (["--quiet", "--verbose"], "not both"),
    (["--from"], "--from needs a prefix"), (["--cron"], "--cron has no meaning for recover"),
  ])
  func `what does not go together is refused`(words: [String], sentence: String) {
    let error = #expect(throws: ArgumentError.self) { try Arguments(["recover"] + words) }
    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
  }

  private static let tables = [("public", "a"), ("shop", "a"), ("shop", "b")].map {
    TableConfiguration(
      name: TableName(schema: $0.0, name: $0.1), primaryKeys: ["id"], incrementalFields: ["t"])
  }

  @Test(arguments: [
    ([], ["public.a", "shop.a", "shop.b"]), (["--schemas", "shop"], ["shop.a", "shop.b"]),
    (["--exclude-schemas", "shop"], ["public.a"]),
    (["--tables", "a,shop.b"], ["public.a", "shop.b"]),
    (["--tables", "a,shop.b", "--schemas", "shop"], ["shop.b"]),
  ])
  func `tables are chosen by name and by schema`(words: [String], names: [String]) throws {
    let arguments = try Arguments(["recover"] + words)
    #expect(try arguments.recovered(of: Self.tables).map(\.name.description) == names)
  }

  @Test(arguments: [
    ["--tables", "c"], ["--schemas", "shops"], ["--exclude-schemas", "x"],
    ["--exclude-schemas", "shop,public"],
  ])
  func `a choice of nothing is refused`(words: [String]) throws {
    let arguments = try Arguments(["recover"] + words)
    #expect(throws: ConfigurationError.self) { try arguments.recovered(of: Self.tables) }
  }

  @Test func `another project's variables are read as the settings are`() throws {
    let key = "sb_secret_abcdefghijklmnopqrstuvwxyz_12345678"
    let target = Project(
      role: "target", url: ProjectURL("http://127.0.0.1:2")!, key: ServiceKey(key))
    let variables = [
      "N3_SUPABASE_URL": "http://127.0.0.1:3", "N3_SUPABASE_SERVICE_ROLE_KEY": key,
      "N2_SUPABASE_URL": "http://127.0.0.1:2", "N2_SUPABASE_SERVICE_ROLE_KEY": key,
      "N4_SUPABASE_URL": "n4", "N4_SUPABASE_SERVICE_ROLE_KEY": key,
    ]
    func read(_ prefix: String) throws -> Project {
      try Environment(process: variables).project(prefix: prefix, role: "source", other: target)
    }
    #expect(try read("N3").url == ProjectURL("http://127.0.0.1:3"))
    for prefix in ["N2", "N4", "N5", "SYNC_SOURCE", "N 3"] {
      let error = #expect(throws: ConfigurationError.self) { try read(prefix) }
      #expect(error?.problems.contains { $0.contains(key) } == false)
    }
  }
}
