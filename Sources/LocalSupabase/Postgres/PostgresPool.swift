import Transport

/// Connections with a blocking thread each, connected when first needed, so that tasks can await what
/// PostgreSQL does. Jobs are taken in the order they came.
package final class PostgresPool: Sendable {
  /// Every connection was busy for as long as the caller would wait.
  package struct TimedOut: Error, Hashable, Sendable {}

  /// The pool was closed before the job began.
  package struct Closed: Error, Hashable, Sendable {}

  package let size: Int
  private let dsn: String
  private let prepare: @Sendable (PostgresConnection) throws -> Void
  private let jobs = BlockingQueue<PostgresJob>()
  private let ending: Locked<Ending>

  private struct Ending {
    var threads: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  /// - Parameter prepare: runs on every new connection before its first job.
  package init(
    dsn: String, size: Int,
    prepare: @escaping @Sendable (PostgresConnection) throws -> Void = { _ in }
  ) {
    precondition(size > 0, "a pool of \(size) connections")
    self.dsn = dsn
    self.size = size
    self.prepare = prepare
    ending = Locked(Ending(threads: size))
    for _ in 0..<size { startThread { self.serve() } }
  }

  /// Runs `body` on a thread of the pool that has a connection, waiting at most `waitAtMost` for one. What is
  /// left of an open transaction is rolled back afterwards, and a broken connection is replaced for the next job.
  ///
  /// Cancelling the task withdraws a job that waits and cancels the statement of one that runs; both throw
  /// `CancellationError`, unless `body` succeeded all the same.
  ///
  /// - Throws: `TimedOut`, `Closed`, `CancellationError`, `PostgresError` if no connection could be made, or
  ///   what `body` throws.
  package func withConnection<T: Sendable>(
    waitAtMost limit: Duration, _ body: @escaping @Sendable (PostgresConnection) throws -> T
  ) async throws -> T {
    let job = PostgresJob()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<T, any Error>) in
        job.setUp(
          run: { connection in
            let result = Result { try body(connection) }
            return { wasCancelled in
              switch result {
              case .failure where wasCancelled: continuation.resume(throwing: CancellationError())
              default: continuation.resume(with: result)
              }
            }
          },
          fail: { continuation.resume(throwing: $0) })
        // A task that was cancelled before this point found nothing to withdraw.
        if Task.isCancelled { return job.withdraw(CancellationError()) }
        switch jobs.push(job) {
        case .taken: break
        case .queued: job.withdraw(after: limit)
        case .refused: job.withdraw(Closed())
        }
      }
    } onCancel: {
      job.cancel()
    }
  }

  /// Takes no more jobs, ends the ones that were taken and returns when every connection is closed.
  package func close() async {
    jobs.close()
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isEnded = ending.withLock { ending in
        if ending.threads > 0 { ending.waiting.append(continuation) }
        return ending.threads == 0
      }
      if isEnded { continuation.resume() }
    }
  }

  private func serve() {
    var connection: PostgresConnection?
    var canceller: PostgresCanceller?
    while let job = jobs.pop() {
      guard job.begin() else { continue }
      do {
        // A server that was restarted meanwhile must not cost this job.
        if connection?.isEndedByServer ?? true {
          connection = nil
          let new = try PostgresConnection(dsn)
          try prepare(new)
          canceller = new.makeCanceller()
          connection = new
        }
        guard let connection, let canceller else { continue }
        job.run(connection, canceller)
        if connection.isInTransaction { _ = try? connection.run(script: "rollback") }
      } catch {
        job.fail(error)
      }
      if connection?.isLost == true { connection = nil }
    }
    connection = nil
    let waiting = ending.withLock { ending in
      ending.threads -= 1
      return ending.threads == 0 ? ending.waiting : []
    }
    for continuation in waiting { continuation.resume() }
  }
}
