import LocalSupabase
import Testing
import Transport

extension EndToEnd {
  /// Mistakes of setting up: one clear error each, nothing copied, nothing deleted.
  @Suite struct SetUp {
    private func begin(
      settings: [String: String] = [:], tables: [String] = [MirrorProgram.table("items")]
    ) async throws -> (Stack, MirrorProgram) {
      let stack = try await Stack.empty()
      try await stack.both(
        "create table items (id bigint primary key, v text, updated_at timestamptz not null default now());"
      )
      try await stack.source.sql("insert into items select i, 'v' from generate_series(1, 20) i")
      try await stack.target.sql("insert into items values (1000, 'of the target')")
      let mirror = try MirrorProgram(stack, tables: tables, settings: settings)
      return (stack, mirror)
    }

    struct Mistake: Sendable, CustomStringConvertible {
      let description: String
      let settings: @Sendable (Stack) -> [String: String]
      let exitCode: Int32
      let words: [String]
    }

    static let mistakes = [
      Mistake(
        description: "a wrong key",
        settings: { _ in
          // Signed with another secret.
          [
            "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": token(
              role: "service_role", secret: "another secret of 32 characters!")
          ]
        }, exitCode: 3, words: ["source", "service_role key"]),
      Mistake(
        description: "the anon key",
        settings: { _ in
          ["SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": token(role: "anon", secret: "x")]
        }, exitCode: 2, words: ["SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY", "anon"]),
      Mistake(
        description: "a publishable key",
        settings: { _ in ["SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": "sb_publishable_abcdefghijkl"] },
        exitCode: 2, words: ["SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY"]),
      Mistake(
        description: "source and target are one",
        settings: { ["SYNC_TARGET_SUPABASE_URL": $0.source.url + "/"] },
        exitCode: 2, words: ["SYNC_TARGET_SUPABASE_URL"]),
      Mistake(
        description: "nobody listens",
        settings: { _ in
          ["SYNC_SOURCE_SUPABASE_URL": "http://127.0.0.1:1", "SYNC_RETRY_MS": "500"]
        }, exitCode: 3, words: ["source"]),
      Mistake(
        description: "a name that does not resolve",
        settings: { _ in
          [
            "SYNC_SOURCE_SUPABASE_URL": "https://no-such-project.supabase.invalid",
            "SYNC_RETRY_MS": "500",
          ]
        }, exitCode: 3, words: ["source", "no-such-project.supabase.invalid"]),
      Mistake(
        description: "TLS where there is none",
        settings: {
          ["SYNC_SOURCE_SUPABASE_URL": $0.source.url.replacing("http://", with: "https://")]
        }, exitCode: 3, words: ["source"]),
      Mistake(
        description: "an unknown setting",
        settings: { _ in ["SYNC_RECONCILE_BATCHSIZE": "5", "SYNC_LOOP": "maybe"] },
        exitCode: 2, words: ["SYNC_RECONCILE_BATCHSIZE", "SYNC_RECONCILE_BATCH_SIZE", "SYNC_LOOP"]),
    ]

    private static func token(role: String, secret: String) -> String {
      JSONWebToken.key(role: role, secret: secret)
    }

    @Test(arguments: mistakes) func `is told`(mistake: Mistake) async throws {
      let (stack, mirror) = try await begin()
      let settings = mistake.settings(stack)
      let outcome = try await mirror.cron(settings: settings)
      #expect(outcome.exitCode == mistake.exitCode, "\(outcome)")
      for word in mistake.words {
        #expect((outcome.output + outcome.log).contains(word), "\(word) in \(outcome)")
      }
      for (name, value) in settings where name.hasSuffix("KEY") {
        #expect(!(outcome.output + outcome.log).contains(value), "the key is shown")
      }
      #expect(
        try await stack.target.value("select string_agg(v, ',') from items") == "of the target")
    }

    @Test func `tables that cannot be mirrored say why; the others go on`() async throws {
      let (stack, mirror) = try await begin(
        tables: ["items", "nowhere", "short", "narrow", "keyless"].map { MirrorProgram.table($0) })
      try await stack.source.script(
        """
        create table short (id bigint primary key, extra text, updated_at timestamptz not null default now());
        create table narrow (id bigint primary key, n numeric, updated_at timestamptz not null default now());
        create table keyless (id bigint, updated_at timestamptz not null default now());
        """)
      try await stack.target.script(
        """
        create table short (id bigint primary key, updated_at timestamptz not null default now());
        create table narrow (id bigint primary key, n real, updated_at timestamptz not null default now());
        create table keyless (id bigint, updated_at timestamptz not null default now());
        """)
      // The migration is for tables that are there.
      let present = try MirrorProgram(
        stack, tables: ["items", "short", "narrow", "keyless"].map { MirrorProgram.table($0) })
      try await present.migrate(stack)
      try await stack.source.script(
        "insert into short values (1, 'x'); insert into narrow values (1, 1.1); insert into keyless values (1)"
      )
      let outcome = try await mirror.cron()
      #expect(outcome.exitCode == 1, "\(outcome)")
      for words in [
        "the source has no table public.nowhere", "column extra is not mirrored",
        "n is numeric at the source and real on the target", "unique constraint",
      ] {
        // The report breaks its lines.
        let text = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains(words), "\(words) in \(outcome)")
      }
      #expect(
        try await stack.target.value("select count(*) from items where id <= 20") == "20")
      #expect(try await stack.target.value("select count(*) from short") == "1")
      let parked = try await mirror.cron(settings: ["SYNC_ON_DRIFT": "park"])
      #expect(
        parked.exitCode == 1 && parked.output.contains("public.short lacks extra"), "\(parked)")
    }

    @Test func `one database behind two URLs is refused`() async throws {
      let (stack, mirror) = try await begin()
      try await mirror.migrate(stack)
      let other = stack.source.url.replacing("127.0.0.1", with: "localhost")
      let outcome = try await mirror.cron(settings: ["SYNC_TARGET_SUPABASE_URL": other])
      #expect(outcome.exitCode == 2, "\(outcome)")
      #expect(outcome.output.contains("same database"), "\(outcome)")
    }

    @Test func `another pair's, a damaged and a newer state file are refused and kept`()
      async throws
    {
      let (stack, mirror) = try await begin()
      try await mirror.migrate(stack)
      _ = try await mirror.cron()
      let good = try mirror.readFile(mirror.statePath)
      let text = String(decoding: good, as: UTF8.self)
      let swapped = [
        "SYNC_SOURCE_SUPABASE_URL": stack.target.url,
        "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": stack.target.key,
        "SYNC_TARGET_SUPABASE_URL": stack.source.url,
        "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": stack.source.key,
      ]
      let states: [(state: String, settings: [String: String], words: String)] = [
        (text, swapped, "another pair"),
        (text.replacing("\"version\": 1", with: "\"version\": 99"), [:], "99"),
        (String(text.dropLast(20)), [:], "cannot be read"), ("", [:], "cannot be read"),
      ]
      for (state, settings, words) in states {
        try mirror.writeFile(mirror.statePath, Array(state.utf8))
        let outcome = try await mirror.cron(settings: settings)
        #expect(outcome.exitCode == 2, "\(outcome)")
        #expect((outcome.output + outcome.log).contains(words), "\(words) in \(outcome)")
        #expect(try mirror.readFile(mirror.statePath) == Array(state.utf8))
      }
    }

    @Test func `two processes cannot use one state file`() async throws {
      let (stack, mirror) = try await begin()
      try await mirror.migrate(stack)
      // The first pass waits on a lock of the table for as long as it is needed.
      let blocker = try PostgresConnection(stack.target.dsn)
      _ = try blocker.run(script: "begin; lock table items in access exclusive mode")
      let first = try mirror.start(["--cron"])
      // It works once the database shows a session that waits for that lock.
      while try await stack.target.value(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'") == "0"
      {}
      let second = try await mirror.cron()
      #expect(second.exitCode == 2, "\(second)")
      #expect((second.output + second.log).contains("state.json"), "\(second)")
      _ = try blocker.run(script: "rollback")
      #expect(await first.wait() == .exited(0))
    }
  }
}
