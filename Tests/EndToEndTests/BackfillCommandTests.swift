import Glibc
import JSON
import Mirror
import Testing
import Transport

extension Commands {
  /// `supamirror backfill` as it is run.
  @Suite struct BackfillCommand {
    static let rows = 30_000

    private func begin(settings: [String: String] = [:]) async throws -> (Stack, MirrorProgram) {
      let stack = try await Stack.empty(.commands)
      try await stack.both(
        """
        create table items (id bigint primary key, v text, updated_at timestamptz not null default now());
        create index on items (updated_at, id);
        create table notes (id bigint primary key, v text, updated_at timestamptz not null default now());
        """)
      let mirror = try MirrorProgram(
        stack, tables: ["items", "notes"].map { MirrorProgram.table($0) },
        settings: ["SYNC_INITIAL_BACKFILL_MS": "86400000"].merging(settings) { $1 })
      try await mirror.migrate(stack)
      try await stack.source.script(
        """
        insert into items select i, 'v' || i, now() - interval '9 days' + i * interval '1 s'
        from generate_series(1, \(Self.rows)) i;
        insert into notes values (1, 'n', now() - interval '9 days'), (2, 'n', now() - interval '8 days');
        """)
      try await stack.source.sql("analyze items")
      return (stack, mirror)
    }

    private func sentence(_ text: String) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    @Test func `a dry run says what would be copied and writes nothing, a run copies it`()
      async throws
    {
      let (stack, mirror) = try await begin()
      let dry = try await mirror.run(["backfill", "--dry-run"])
      #expect(dry.exitCode == 0, "\(dry)")
      #expect(dry.output.contains("public.items  ~30,000"), "\(dry)")
      #expect(dry.output.contains("Dry run, nothing was written"))
      let json = try await mirror.run(["backfill", "--dry-run", "--log-format", "json"])
      let node = try JSONNode(parsing: Array(json.output.utf8.dropLast()))
      #expect(json.exitCode == 0 && node["tables"]?.array?[0]["rows"]?.int == Self.rows)
      #expect(try mirror.readFile(mirror.statePath).isEmpty)
      #expect(try await stack.target.value("select count(*) from items") == "0")
      #expect(try await stack.source.value("select count(*) from sync_mirrors") == "0")

      // A pass has the last day only.
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.target.value("select count(*) from items") == "0")
      let run = try await mirror.run(["backfill"])
      #expect(run.exitCode == 0, "\(run)")
      #expect(sentence(run.output).contains("public.items 30,000 30,000"), "\(run)")
      #expect(try await stack.differences("items", "notes") == [])

      let before = try mirror.readFile(mirror.statePath)
      let again = try await mirror.run(["backfill", "--dry-run"])
      #expect(again.exitCode == 0 && again.output.contains("nothing would be copied"), "\(again)")
      #expect(try mirror.readFile(mirror.statePath) == before)
    }

    @Test func `a table that is named is copied whole again, and no other`() async throws {
      let (stack, mirror) = try await begin()
      #expect(try await mirror.run(["backfill"]).exitCode == 0)
      // Nothing tells a pass of these.
      try await stack.target.script(
        "delete from items where id <= 7; delete from notes where id = 1;")
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await mirror.run(["backfill"]).exitCode == 0)
      #expect(try await stack.target.value("select count(*) from items where id <= 7") == "0")
      let run = try await mirror.run(["backfill", "--table", "items"])
      #expect(run.exitCode == 0, "\(run)")
      #expect(try await stack.differences("items") == [])
      #expect(try await stack.target.value("select count(*) from notes") == "1")
      let all = try await mirror.run(["backfill", "--all"])
      #expect(all.exitCode == 0, "\(all)")
      #expect(try await stack.differences("items", "notes") == [])
    }

    @Test func `an unknown table, and a state that is used, are one sentence`() async throws {
      let (stack, mirror) = try await begin()
      let unknown = try await mirror.run(["backfill", "--table", "item", "--table", "shop.x"])
      #expect(unknown.exitCode == 2, "\(unknown)")
      #expect(unknown.log.contains("item is not a configured table; did you mean items?"))
      #expect(unknown.log.contains("shop.x is not a configured table"))
      let lock = try FileLock(mirror.statePath)
      let locked = try await mirror.run(["backfill"])
      #expect(locked.exitCode == 2, "\(locked)")
      #expect(locked.log.contains("process \(getpid()) mirrors with the state"), "\(locked)")
      #expect(locked.log.contains("stop it (systemctl stop supamirror"))
      #expect(locked.log.split(separator: "\n").count == 1)
      // It takes no state.
      #expect(try await mirror.run(["backfill", "--dry-run"]).exitCode == 0)
      withExtendedLifetime(lock) {}
      #expect(try await stack.target.value("select count(*) from items") == "0")
    }

    @Test func `an interrupted run ends in order, and the next one goes on`() async throws {
      let (stack, mirror) = try await begin(settings: ["SYNC_RECONCILE_BATCH_SIZE": "100"])
      let process = try mirror.start(
        ["backfill", "--log-format", "json"], settings: ["SYNC_MAX_BYTES_PER_SECOND": "200000"])
      var copied = 0
      while process.status == nil, copied < 2_000 {
        copied = Int(try await stack.target.value("select count(*) from items") ?? "") ?? 0
      }
      process.signal(SIGINT)
      let report = await process.allOutput()
      #expect(await process.wait() == .exited(1), "\(report)")
      #expect(report.contains("interrupted"), "\(report)")
      copied = Int(try await stack.target.value("select count(*) from items") ?? "") ?? 0
      #expect(copied >= 2_000 && copied < Self.rows)

      let dry = try await mirror.run(["backfill", "--dry-run", "--log-format", "json"])
      let node = try JSONNode(parsing: Array(dry.output.utf8.dropLast()))
      let done = try #require(node["tables"]?.array?[0]["rowsCopied"]?.int)
      #expect(done > 0 && done <= copied)
      let next = try await mirror.run(["backfill", "--log-format", "json"])
      #expect(next.exitCode == 0, "\(next)")
      let read = try JSONNode(parsing: Array(next.output.utf8.dropLast()))
      // What it reads is what was left, and perhaps the page that was under way.
      let rows = read["tables"]?.array?[0]["read"]?.int ?? 0
      #expect(rows <= Self.rows - done + 5_000, "\(rows) of \(Self.rows), \(done) done")
      #expect(try await stack.differences("items", "notes") == [])
    }

    @Test func `the daemon's status tells how far its first copy is`() async throws {
      let (stack, mirror) = try await begin(settings: [
        "SYNC_RECONCILE_BATCH_SIZE": "100", "SYNC_MAX_BYTES_PER_SECOND": "300000",
        "SYNC_INITIAL_BACKFILL_MS": "all", "SYNC_RECONCILE_INTERVAL_MS": "3600000",
      ])
      try await DaemonWorld.run(stack, mirror) { world in
        let copying = try await world.daemon.wait("a copy is under way") {
          ($0.tables.first?.copying?.rows ?? 0) > 0
        }.tables[0].copying
        #expect(copying?.estimate == Self.rows)
        #expect((copying?.rows).map { $0 < Self.rows } == true)
        try await world.daemon.waitUntilEqual(stack, ["items", "notes"])
        try await world.daemon.wait("the copy is over") { $0.tables[0].copying == nil }
      }
    }

    /// By way of `script`, which gives it a pseudo-terminal.
    @Test(arguments: [false, true])
    func `a terminal shows bars and then the report`(isPlain: Bool) async throws {
      let (stack, mirror) = try await begin()
      var environment = mirror.environment
      environment["SYNC_MAX_BYTES_PER_SECOND"] = "1000000"
      environment["TERM"] = "xterm"
      environment["SHELL"] = "/bin/sh"
      if isPlain { environment["NO_COLOR"] = "1" }
      let process = try ChildProcess(
        "script",
        ["-qec", "stty cols 90 rows 24; \(Environment.products)/supamirror backfill", "/dev/null"],
        environment: environment.map { "\($0)=\($1)" }, output: .pipe, error: .pipe)
      let output = await process.allOutput()
      #expect(await process.wait() == .exited(0), "\(output)")
      #expect(output.contains("public.items  "), "\(output)")
      #expect(output.contains(" of ~30,000"), "\(output)")
      #expect(output.contains("░") && output.contains("█") && output.contains(" rows/s"))
      #expect(output.contains("\u{1B}[36m") != isPlain)
      #expect(output.contains("\u{1B}[1A"), "it is written over in place")
      let last = try #require(output.split(separator: "\u{1B}[J").last)
      #expect(last.contains("table") && last.contains("Everything is mirrored"), "\(last)")
      #expect(!last.contains("\u{1B}"), "nothing of it is left: \(last)")
      #expect(try await stack.differences("items") == [])
    }
  }
}
