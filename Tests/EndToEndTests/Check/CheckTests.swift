import Glibc
import LocalSupabase
import Testing
import Transport

/// Suites that set two projects up and break that again.
@Suite(.serialized, .ofPair(.setUp)) struct SetUpCommands {}

extension SetUpCommands {
  @Suite struct Checks {
    @Test func `nothing is found in a good pair, and it says so`() async throws {
      let pair = try await GoodPair.get()
      let json = try await pair.check()
      #expect(json.exitCode == 0 && json.findings.isEmpty, "\(json.outcome)")
      let text = try await pair.mirror.run(["check"])
      #expect(text.exitCode == 0, "\(text)")
      #expect(text.output.hasSuffix("\nAll is well, in 6 tables.\n"), "\(text)")
      #expect(text.output.contains("✓ shop.items\n"), "\(text)")
      #expect(!text.output.contains(pair.stack.source.key), "the key is shown")
    }

    @Test(arguments: PlantedFault.all)
    func `every planted fault is found by its name, and gone when it is mended`(
      _ fault: PlantedFault
    ) async throws {
      let pair = try await GoodPair.get()
      let settings = fault.settings(pair.stack)
      if !fault.source.isEmpty { try await pair.run(fault.source, on: "source") }
      if !fault.target.isEmpty { try await pair.run(fault.target, on: "target") }
      if let tables = fault.tables { try pair.setTables(tables) }
      let ill = try await pair.check(settings: settings)
      let found = ill.findings.filter { $0.name == fault.name }
      #expect(!found.isEmpty, "\(ill.outcome)")
      #expect(ill.exitCode == fault.exitCode, "\(ill.outcome)")
      if fault.isMendedBySQL {
        for finding in found {
          try await pair.run(try #require(finding.sql), on: try #require(finding.project))
        }
        let mended = try await pair.check(settings: settings)
        #expect(!mended.findings.contains { $0.name == fault.name }, "\(mended.outcome)")
      }
      if !fault.undoSource.isEmpty { try await pair.run(fault.undoSource, on: "source") }
      if !fault.undoTarget.isEmpty { try await pair.run(fault.undoTarget, on: "target") }
      try pair.setTables(GoodPair.tables)
      if fault.undoneByMigration {
        try await pair.mirror.migrate(pair.stack)
        for project in [pair.stack.source, pair.stack.target] {
          try await project.awaitSchemaCache()
        }
      }
      try await pair.returnGood()
    }

    @Test func `thirty faults and more are planted`() {
      #expect(PlantedFault.all.count >= 30)
    }

    @Test func `keys that others may read are told`() async throws {
      let pair = try await GoodPair.get()
      let path = "\(pair.mirror.folder)/.env.sync"
      let isOpened = unsafe chmod(path, 0o644) == 0
      #expect(isOpened)
      let ill = try await pair.check()
      #expect(ill.findings.map(\.name) == ["file-readable"], "\(ill.outcome)")
      #expect(ill.exitCode == 0)
      let isClosed = unsafe chmod(path, 0o600) == 0
      #expect(isClosed)
      #expect(try await pair.check().findings.isEmpty)
    }

    @Test func `a key of another role is refused before anything is asked`() async throws {
      let pair = try await GoodPair.get()
      let anon = JSONWebToken.key(role: "anon", secret: "x")
      let outcome = try await pair.mirror.run(
        ["check"], settings: ["SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": anon])
      #expect(outcome.exitCode == 2, "\(outcome)")
      #expect(outcome.log.contains("anon key"), "\(outcome)")
    }

    @Test func `a key that the project refuses is told`() async throws {
      let pair = try await GoodPair.get()
      let other = JSONWebToken.key(
        role: "service_role", secret: "another secret of 32 characters!")
      let ill = try await pair.check(settings: ["SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": other])
      #expect(ill.findings.map(\.name) == ["key-refused"], "\(ill.outcome)")
      #expect(ill.exitCode == 3)
      #expect(!ill.outcome.output.contains(other))
    }

    @Test func `without the migration the rest is checked, and it says what it cannot see`()
      async throws
    {
      let pair = try await GoodPair.get()
      let reverse = try await pair.mirror.run(["migration", "--reverse"])
      try await pair.stack.both(reverse.output)
      try await pair.stack.both("create view seen as select id from logs")
      try await pair.run("alter table logs drop column note", on: "target")
      try pair.setTables(GoodPair.tables + [MirrorProgram.table("seen")])
      let ill = try await pair.check()
      #expect(ill.exitCode == 1, "\(ill.outcome)")
      #expect(
        Set(ill.findings.map(\.name)) == ["migration-missing", "column-missing", "view"],
        "\(ill.outcome)")
      let text = try await pair.mirror.run(["check"])
      #expect(text.output.contains("? Not seen: source: indexes, triggers"), "\(text)")
    }
  }
}
