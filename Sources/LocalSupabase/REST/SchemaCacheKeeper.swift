import Glibc
import Transport

/// Holds the schema cache and reads it anew when PostgreSQL is told `notify pgrst, 'reload schema'`.
final class SchemaCacheKeeper: Sendable {
  private enum Awaited {
    case unheard
    case heard
    case waiting(CheckedContinuation<Void, Never>)
  }

  private struct State {
    var cache = SchemaCache()
    var isStopped = false
    var start: CheckedContinuation<Void, any Error>?
    var end: CheckedContinuation<Void, Never>?
    var isRunning = false
    var reads = 0
    /// Notifications that somebody sent to learn when they are heard.
    var awaited: [String: Awaited] = [:]
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
    hear(nil)
    end?.resume()
    for waiter in waiting { waiter.continuation.resume() }
  }

  private func listen() throws(PostgresError) {
    let connection = try PostgresConnection(dsn)
    try connection.run(script: "listen pgrst")
    try load(connection)
    // What was told before `listen` is in what was read since.
    hear(nil)
    while !state.withLock({ $0.isStopped }) {
      guard let heard = try connection.notification(waitAtMost: .milliseconds(50)) else { continue }
      if heard.payload.isEmpty || heard.payload == "reload schema" { try load(connection) }
      hear(heard.payload)
    }
  }

  /// Sends a notification by `send` and returns when it was heard, and with it all that was told before.
  func catchUp(by send: (_ payload: String) async throws -> Void) async throws {
    let payload = "seen \(UInt64.random(in: .min ... .max))"
    state.withLock { $0.awaited[payload] = .unheard }
    do { try await send(payload) } catch {
      state.withLock { $0.awaited[payload] = nil }
      throw error
    }
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if case .heard? = state.awaited[payload] { return true }
        if state.isRunning { state.awaited[payload] = .waiting(continuation) }
        return !state.isRunning
      }
      if isDone { continuation.resume() }
    }
    state.withLock { $0.awaited[payload] = nil }
  }

  /// - Parameter payload: nil: whatever was told before is known now.
  private func hear(_ payload: String?) {
    let continuations = state.withLock { state in
      var continuations: [CheckedContinuation<Void, Never>] = []
      for (awaited, step) in state.awaited where payload == nil || awaited == payload {
        if case .waiting(let continuation) = step { continuations.append(continuation) }
        state.awaited[awaited] = .heard
      }
      return continuations
    }
    for continuation in continuations { continuation.resume() }
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
