import JSON
import LocalSupabase
import Testing
import Transport

@Suite struct ReloadTests {
  @Test func `a role's settings are those of the last reload of the configuration`() async throws {
    try await withCluster { cluster in
      let stage = try await ConformanceStage.create(cluster, database: "settings")
      let service = try await stage.service()
      func timeout() async throws -> String? {
        let answer = await service.answer(
          ServerRequest(method: "GET", target: Array("/rpc/see_context_stable".utf8)))
        return try JSONNode(parsing: answer.body)["statement_timeout"]?.string
      }
      @Sendable func notify(_ payload: String) async throws {
        try await stage.sql("notify pgrst, '\(payload)'")
      }
      try await stage.sql("alter role anon set statement_timeout = '2s'")
      #expect(try await timeout() == "3s")
      let reads = service.schemaReads
      try await notify("reload config")
      try await service.catchUp { try await notify($0) }
      #expect(try await timeout() == "2s")
      #expect(service.schemaReads == reads, "the schema was read as well")
      await service.stop()
      await stage.pool.close()
    }
  }
}
