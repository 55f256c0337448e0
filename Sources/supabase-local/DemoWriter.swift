import LocalSupabase
import Transport

/// Changes rows at the source until it is stopped, in small transactions at an even pace.
actor DemoWriter {
  /// Rows that its statements changed. What those made the database change by itself is not in it.
  private(set) var changes = 0
  private let pool: PostgresPool
  private var work: Task<Void, any Error>?
  private var failure: (any Error)?

  private static let transactionsASecond = 14

  init(_ source: LocalProject) {
    pool = PostgresPool(dsn: source.dsn, size: 1)
  }

  func start() {
    work = Task {
      do { try await self.write() } catch { self.fail(error) }
    }
  }

  /// - Throws: what made it stop by itself.
  func check() throws { if let failure { throw failure } }

  /// Returns when the last transaction is committed.
  func stop() async {
    work?.cancel()
    _ = try? await work?.value
    await pool.close()
  }

  private func write() async throws {
    let clock = ContinuousClock()
    let pause = Duration.seconds(1) / Self.transactionsASecond
    var next = clock.now
    for number in 0... {
      guard !Task.isCancelled else { return }
      changes += try await transact(DemoChanges.transaction(number))
      // A machine that is behind does not catch up: the feed bears 100 changes a second.
      next = max(next + pause, clock.now)
      try? await clock.sleep(until: next)
    }
  }

  private func transact(_ statements: [String]) async throws -> Int {
    // Of its own, so that a cancelled writer still commits.
    try await Task { [pool] in
      try await pool.withConnection(waitAtMost: .seconds(60)) { connection in
        try connection.run(script: "begin")
        var changes = 0
        for statement in statements { changes += try connection.execute(statement).affectedRows }
        try connection.run(script: "commit")
        return changes
      }
    }.value
  }

  private func fail(_ error: any Error) { failure = error }
}
