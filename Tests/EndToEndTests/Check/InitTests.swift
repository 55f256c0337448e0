import Glibc
import JSON
import Testing
import Transport

extension SetUpCommands {
  @Suite struct Init {
    /// The program in an empty folder, with the defaults of everything that can have one.
    private struct Beginner {
      let mirror: MirrorProgram
      let folder: String
      var config: String { "\(folder)/config/tables.config.json" }
      var file: String { "\(folder)/.env.sync" }

      init(_ stack: Stack, inFile: Bool = false) throws {
        folder = try MirrorProgram.makeFolder()
        var settings = [
          "SYNC_TABLE_CONFIG": "\(folder)/config/tables.config.json",
          "SYNC_ENV_PATH": "\(folder)/.env.sync", "SYNC_STATE_PATH": "\(folder)/state.json",
        ]
        if inFile {
          for name in [
            "SYNC_SOURCE_SUPABASE_URL", "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY",
            "SYNC_TARGET_SUPABASE_URL", "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY",
          ] { settings[name] = "" }
        }
        mirror = try MirrorProgram(stack, tables: [], settings: settings)
      }

      func read(_ path: String) throws -> String? {
        try DurableFile(path).read().map { String(decoding: $0, as: UTF8.self) }
      }

      func mode(_ path: String) -> UInt32 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return 0 }
        return status.st_mode & 0o777
      }
    }

    @Test func `from nothing to an equal copy of forty tables, by what the commands print`()
      async throws
    {
      let stack = try await Stack.empty(.setUp)
      try await stack.both(FortyTables.schema)
      try await stack.source.script(FortyTables.rows)
      let beginner = try Beginner(stack)
      let mirror = beginner.mirror

      let begun = try await mirror.run(["init"])
      #expect(begun.exitCode == 0, "\(begun)")
      #expect(begun.output.contains("40 tables to mirror, 2 left out"), "\(begun)")
      #expect(begun.output.contains("views, left out: public.everybody, public.totals"), "\(begun)")
      #expect(beginner.mode(beginner.file) == 0o600)
      #expect(beginner.mode(beginner.config) == 0o644)
      for word in ["supamirror migration", "supamirror check", "supamirror --cron"] {
        #expect(begun.output.contains(word), "\(begun)")
      }
      #expect(!(begun.output + begun.log).contains(stack.source.key), "the key is shown")

      let text = try #require(try beginner.read(beginner.config))
      let node = try JSONNode(parsing: Array(text.utf8))
      #expect(node["tables"]?.array?.count == 40)
      for part in [
        #""primaryKeys": ["Order", "Line, No"], "incrementalFields": ["Updated At"]"#,
        #"{"name": "wares", "schema": "shop", "primaryKeys": ["id"], "incrementalFields": ["modified_at"]}"#,
        #"{"name": "visits", "schema": "public", "primaryKeys": ["id"], "incrementalFields": ["created_at"]}"#,
        #"{"name": "user", "schema": "public", "primaryKeys": ["id"], "incrementalFields": ["modified"]}"#,
      ] { #expect(text.contains(part), "\(part) in \(text)") }

      let before = try await mirror.run(["check"])
      #expect(before.exitCode == 1 && before.output.contains("migration-missing"), "\(before)")
      try await mirror.migrate(stack)
      for project in [stack.source, stack.target] { try await project.awaitSchemaCache() }
      let check = try await mirror.run(["check"])
      #expect(check.exitCode == 0, "\(check)")
      #expect(!check.output.contains("✗"), "\(check)")

      let pass = try await mirror.cron()
      #expect(pass.exitCode == 0 || pass.output.contains("JSON null"), "\(pass)")
      for name in FortyTables.names { #expect(try await stack.differences(name) == []) }
      let after = try await mirror.run(["check"])
      #expect(after.exitCode == 0, "\(after)")
    }

    @Test func `what is there is never written over, and what has changed since is shown`()
      async throws
    {
      let stack = try await Stack.empty(.setUp)
      try await stack.both(
        """
        create table kept (id int primary key, updated_at timestamptz not null default now());
        create table gone (id int primary key, updated_at timestamptz not null default now());
        create table rekeyed (id int primary key, n int not null, updated_at timestamptz not null default now());
        create table moved (id int primary key, created_at timestamptz not null default now());
        """)
      let beginner = try Beginner(stack)
      let mirror = beginner.mirror
      #expect(try await mirror.run(["init"]).exitCode == 0)
      let written = try beginner.read(beginner.config)
      let file = try beginner.read(beginner.file)
      let again = try await mirror.run(["init"])
      #expect(again.exitCode == 0 && again.output.contains("is up to date"), "\(again)")

      try await stack.source.script(
        """
        drop table gone;
        create table "New one" (id int primary key, updated_at timestamptz not null default now());
        create table unmovable (id int primary key);
        alter table rekeyed drop constraint rekeyed_pkey, add primary key (id, n);
        alter table moved rename created_at to changed_at;
        alter table kept add column "Note" text;
        """)
      try await stack.source.awaitSchemaCache()
      let changed = try await mirror.run(["init"])
      #expect(changed.exitCode == 1, "\(changed)")
      for line in [
        "  + public.New one\n", "  - public.gone: the source has no such table",
        "  ~ public.rekeyed: the key is id, n, and primaryKeys says id\n",
        "  ~ public.moved: there is no created_at any more; changed_at could be followed\n",
        "  ~ public.kept: new column Note, which the target does not have",
        "- public.unmovable is left out",
      ] { #expect(changed.output.contains(line), "\(line) in \(changed)") }
      #expect(try beginner.read(beginner.config) == written)
      #expect(try beginner.read(beginner.file) == file)

      let forced = try await mirror.run(["init", "--force"])
      #expect(forced.exitCode == 0, "\(forced)")
      #expect(try beginner.read(beginner.config)?.contains("New one") == true)
      #expect(try beginner.read(beginner.file) == file)
      // A column that only the target lacks is the check's.
      let last = try await mirror.run(["init"])
      #expect(last.output.contains("~ public.kept: new column Note"), "\(last)")
    }

    @Test func `with no settings it writes a file to fill in, and goes on once that is done`()
      async throws
    {
      let stack = try await Stack.empty(.setUp)
      try await stack.both(
        "create table a (id int primary key, updated_at timestamptz not null default now())")
      let beginner = try Beginner(stack, inFile: true)
      let first = try await beginner.mirror.run(["init"])
      #expect(first.exitCode == 2, "\(first)")
      #expect(first.output.contains("Fill in its four lines"), "\(first)")
      #expect(beginner.mode(beginner.file) == 0o600)
      #expect(try beginner.read(beginner.config) == nil)
      let template = try #require(try beginner.read(beginner.file))
      let empty = try await beginner.mirror.run(["init"])
      #expect(empty.exitCode == 2, "\(empty)")
      #expect(empty.log.contains("SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY is not set"), "\(empty)")
      #expect(try beginner.read(beginner.file) == template)

      var filled = template
      for (name, value) in [
        ("SYNC_SOURCE_SUPABASE_URL", stack.source.url),
        ("SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY", stack.source.key),
        ("SYNC_TARGET_SUPABASE_URL", stack.target.url),
        ("SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY", stack.target.key),
      ] { filled = filled.replacing("\n\(name)=\n", with: "\n\(name)=\(value)\n") }
      try beginner.mirror.writeFile(beginner.file, Array(filled.utf8))
      let done = try await beginner.mirror.run(["init"])
      #expect(done.exitCode == 0, "\(done)")
      #expect(try beginner.read(beginner.config)?.contains("\"a\"") == true)
    }

    @Test func `settings from the environment are kept in a file that works alone`() async throws {
      let stack = try await Stack.empty(.setUp)
      try await stack.both(
        "create table a (id int primary key, updated_at timestamptz not null default now())")
      let beginner = try Beginner(stack)
      #expect(try await beginner.mirror.run(["init"]).exitCode == 0)
      let process = try ChildProcess(
        "\(Environment.products)/supamirror", ["init", "--env-file", beginner.file],
        environment: ["PATH=/usr/bin"], output: .pipe, error: .pipe)
      let output = await process.allOutput()
      #expect(await process.wait() == .exited(0), "\(output)")
      #expect(output.contains("is up to date"), "\(output)")
    }

    @Test func `schemas can be named, and what is not served or not reachable is told`()
      async throws
    {
      let stack = try await Stack.empty(.setUp)
      try await stack.both(
        """
        create table a (id int primary key, updated_at timestamptz not null default now());
        create table shop.b (id int primary key, updated_at timestamptz not null default now());
        """)
      let beginner = try Beginner(stack)
      let hidden = try await beginner.mirror.run(["init", "--schema", "nowhere"])
      #expect(hidden.exitCode == 2, "\(hidden)")
      #expect(hidden.log.contains("does not serve this schema"), "\(hidden)")
      let down = try await beginner.mirror.run(
        ["init"],
        settings: ["SYNC_SOURCE_SUPABASE_URL": "http://127.0.0.1:1", "SYNC_RETRY_MS": "100"])
      #expect(down.exitCode == 3, "\(down)")
      #expect(try beginner.read(beginner.config) == nil)
      let shop = try await beginner.mirror.run(["init", "--schema", "shop"])
      #expect(shop.exitCode == 0, "\(shop)")
      let text = try #require(try beginner.read(beginner.config))
      #expect(text.contains("\"b\"") && !text.contains("\"a\""))
    }
  }
}
