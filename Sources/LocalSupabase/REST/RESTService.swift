package import Transport

/// Answers requests as PostgREST 11 does, from one database. May be called concurrently.
package final class RESTService: Sendable {
  let options: RESTOptions
  let pool: PostgresPool
  let cache: SchemaCacheKeeper

  /// Connects and reads the schema.
  ///
  /// - Parameter databaseDSN: for libpq, as the login role (`authenticator`).
  /// - Throws: `PostgresError` where the database cannot be reached or read.
  package init(databaseDSN: String, options: RESTOptions) async throws {
    self.options = options
    pool = PostgresPool(dsn: databaseDSN, size: options.poolSize) { connection in
      try connection.run(script: "set application_name to 'PostgREST 11.2.2'")
    }
    cache = SchemaCacheKeeper(dsn: databaseDSN, schemas: options.schemas)
    do { try await cache.start() } catch {
      await pool.close()
      throw error
    }
  }

  /// Answers one request, whatever it is. An error that PostgreSQL calls temporary (40001) is tried again until
  /// the task is cancelled.
  package func answer(_ request: ServerRequest) async -> ServerAnswer {
    do { return try await RequestHandler(service: self, request: request).answer() } catch {
      return error.answer(for: request)
    }
  }

  /// How often the schema was read; 1 from the start.
  package var schemaReads: Int { cache.reads }

  /// Returns when the schema was read more often than `reads`, or the service was stopped.
  package func waitForSchema(after reads: Int) async { await cache.wait(after: reads) }

  /// Returns when every change of the schema that was told before is known. `send` must send the payload to the
  /// channel `pgrst`.
  package func catchUp(
    by send: @Sendable (_ payload: String) async throws -> Void
  ) async throws {
    try await cache.catchUp(by: send)
  }

  /// Ends every connection; requests that still run are finished first.
  package func stop() async {
    await cache.stop()
    await pool.close()
  }
}
