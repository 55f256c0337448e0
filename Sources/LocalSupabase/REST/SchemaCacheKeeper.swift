import Glibc
import Transport

/// Holds the schema cache and reads it anew when PostgreSQL is told `notify pgrst, 'reload schema'`.
final class SchemaCacheKeeper: Sendable {
  private struct State {
    var cache = SchemaCache()
    var isStopped = false
    var start: CheckedContinuation<Void, any Error>?
    var end: CheckedContinuation<Void, Never>?
    var isRunning = false
    var reads = 0
    var waiting: [(after: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let dsn: String
  private let schemas: [String]
  private let state = Locked(State())

  init(dsn: String, schemas: [String]) {
    self.dsn = dsn
    self.schemas = schemas
  }

  var reads: Int { state.withLock { $0.reads } }

  func wait(after reads: Int) async {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        let isDone = state.reads > reads || !state.isRunning
        if !isDone { state.waiting.append((reads, continuation)) }
        return isDone
      }
      if isDone { continuation.resume() }
    }
  }

  var current: SchemaCache { state.withLock { $0.cache } }

  /// Returns when the cache was read for the first time.
  func start() async throws {
    try await withCheckedThrowingContinuation { continuation in
      state.withLock { state in
        state.start = continuation
        state.isRunning = true
      }
      startThread { self.run() }
    }
  }

  func stop() async {
    await withCheckedContinuation { continuation in
      let isRunning = state.withLock { state in
        state.isStopped = true
        if state.isRunning { state.end = continuation }
        return state.isRunning
      }
      if !isRunning { continuation.resume() }
    }
  }

  private func run() {
    while !state.withLock({ $0.isStopped }) {
      do { try listen() } catch {
        let start = state.withLock { state in
          defer { state.start = nil }
          return state.start
        }
        if let start {
          start.resume(throwing: error)
          break
        }
        // The database is away; what is known of it stays. PostgreSQL takes a moment to come back.
        usleep(100_000)
      }
    }
    let (end, waiting) = state.withLock { state in
      state.isRunning = false
      defer { state.waiting = [] }
      return (state.end, state.waiting)
    }
    end?.resume()
    for waiter in waiting { waiter.continuation.resume() }
  }

  private func listen() throws(PostgresError) {
    let connection = try PostgresConnection(dsn)
    try connection.run(script: "listen pgrst")
    try load(connection)
    while !state.withLock({ $0.isStopped }) {
      if try connection.notification(waitAtMost: .milliseconds(50)) != nil {
        try load(connection)
      }
    }
  }

  private func load(_ connection: PostgresConnection) throws(PostgresError) {
    // Without a search path every type is written with its schema.
    try connection.run(
      script: "begin isolation level repeatable read read only; set local search_path to ''")
    let cache = try SchemaCache(connection, schemas: schemas)
    try connection.run(script: "commit")
    let (start, done) = state.withLock { state in
      state.cache = cache
      state.reads += 1
      let reads = state.reads
      let done = state.waiting.filter { $0.after < reads }
      state.waiting.removeAll { $0.after < reads }
      defer { state.start = nil }
      return (state.start, done)
    }
    start?.resume()
    for waiter in done { waiter.continuation.resume() }
  }
}
