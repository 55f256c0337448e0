import Mirror
import Testing
import Transport

/// A pair of projects, a mirror that is set up for them, and its daemon.
struct DaemonWorld: Sendable {
  let stack: Stack
  let mirror: MirrorProgram
  let daemon: DaemonProgram

  /// What most tests need no more than.
  static let items = "items (id bigint primary key, v text, updated_at timestamptz default now())"

  /// Migrates both projects, starts the daemon, waits until its feed is live, and ends it whatever happens; an end that
  /// is not in order is an issue.
  ///
  /// - Parameters:
  ///   - schema: for both projects.
  ///   - tables: entries of `tables.config.json`.
  static func run(
    _ pair: Stack.Pair, _ schema: String = "create table \(items)",
    _ tables: [String] = [MirrorProgram.table("items")], settings: [String: String] = [:],
    _ body: (DaemonWorld) async throws -> Void
  ) async throws {
    let stack = try await Stack.empty(pair)
    try await stack.both(schema)
    let mirror = try MirrorProgram(stack, tables: tables, settings: settings)
    try await mirror.migrate(stack)
    try await run(stack, mirror) { world in
      try await world.daemon.waitUntilLive()
      try await body(world)
    }
  }

  /// Starts the daemon and ends it whatever happens.
  static func run(
    _ stack: Stack, _ mirror: MirrorProgram, environment: [String: String] = [:],
    _ body: (DaemonWorld) async throws -> Void
  ) async throws {
    let daemon = try await DaemonProgram(mirror, environment: environment)
    do {
      try await body(DaemonWorld(stack: stack, mirror: mirror, daemon: daemon))
    } catch {
      await daemon.stop()
      throw error
    }
    let isStopped = !daemon.isRunning
    let end = await daemon.stop()
    #expect(isStopped || end == .exited(0), "\(daemon.log)")
  }

  /// Runs a script at the source, waits until both sides are equal, and tells whether passes had a part in it; which
  /// nobody can know where somebody else's Realtime subscribes anew as it likes.
  func change(_ script: String, _ tables: [String] = ["items"]) async throws -> Bool {
    let before = try await daemon.status().pass.count
    try await stack.source.script(script)
    try await daemon.waitUntilEqual(stack, tables)
    return try await daemon.status().pass.count > before && !Stack.isExternal
  }
}
