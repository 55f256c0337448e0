import JSON
import LocalSupabase
import Testing
import Transport

/// Every recorded exchange of PostgREST that is in scope, played against the local stack.
@Suite struct ConformanceTests {
  /// What each file's server was set up with besides the usual.
  private static let files: [(name: String, options: @Sendable (inout RESTOptions) -> Void)] = [
    ("reads-select", { _ in }), ("reads-filters", { _ in }), ("reads-paging", { _ in }),
    ("reads-types", { _ in }), ("reads-errors", { _ in }), ("reads-formats", { _ in }),
    ("writes-insert", { _ in }), ("writes-insert-errors", { _ in }), ("writes-upsert", { _ in }),
    ("writes-patch", { _ in }), ("writes-delete", { _ in }), ("rpc", { _ in }),
    ("rpc-errors", { _ in }), ("request-settings", { _ in }), ("profiles", { _ in }),
    ("privileges", { _ in }), ("auth", { _ in }), ("auth-no-anon", { $0.anonRole = nil }),
    ("openapi", { _ in }), ("openapi-disabled", { $0.openAPIMode = .disabled }),
    (
      "openapi-modes",
      {
        $0.openAPIMode = .ignoresPrivileges
        $0.openAPIProxyURI = "https://proj.example.com/rest/v1"
      }
    ),
    ("no-max-rows", { $0.maxRows = nil }), ("schema-cache", { _ in }),
  ]

  @Test func `answers are those that PostgREST gave`() async throws {
    try await withCluster { cluster in
      var report = try ConformanceReport()
      let stage = try await ConformanceStage.create(cluster, database: "played")
      for (name, change) in Self.files {
        var options = ConformanceStage.options()
        change(&options)
        let service = try await stage.service(options)
        let server = try HTTPServer.start { await service.answer($0) }
        for recorded in try ConformanceCase.all(name) where !recorded.isSilent {
          if recorded.resetsBefore { try await stage.reset() }
          if let sql = recorded.startsWithSQL { try await prepare(sql, stage, service) }
          if let sql = recorded.setupSQL { try await prepare(sql, stage, service) }
          report.note(try await stage.play(recorded, port: server.port), recorded.id, file: name)
        }
        await server.stop()
        await service.stop()
      }
      await stage.pool.close()
      report.conclude()
    }
  }

  /// Runs a script, and waits for the schema cache where it asks for that.
  private func prepare(
    _ script: String, _ stage: ConformanceStage, _ service: RESTService
  ) async throws {
    let reads = service.schemaReads
    try await stage.sql(script)
    if script.contains("reload schema") { await service.waitForSchema(after: reads) }
  }
}
