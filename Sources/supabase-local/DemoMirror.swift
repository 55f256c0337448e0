import LocalSupabase
import Transport

/// The `supamirror` that stands beside this program, set up for the demo's projects.
struct DemoMirror {
  let folder: String
  private let settings: String

  /// A project as a mirror reaches it.
  struct Side {
    var url: String
    var key: String

    /// - Parameter url: of what stands in front of it; nil: nothing does.
    init(_ project: LocalProject, through url: String? = nil) {
      self.url = url ?? project.url
      key = project.serviceKey
    }
  }

  /// - Parameter others: further lines of `.env.sync`.
  init(_ source: Side, _ target: Side, _ folder: String, others: [String] = []) {
    self.folder = folder
    // The last four make short what a person waits for here.
    settings = """
      SYNC_SOURCE_SUPABASE_URL=\(source.url)
      SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY=\(source.key)
      SYNC_TARGET_SUPABASE_URL=\(target.url)
      SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY=\(target.key)
      SYNC_TABLE_CONFIG=\(folder)/tables.config.json
      SYNC_STATE_PATH=\(folder)/state.json
      SYNC_INITIAL_BACKFILL_MS=all
      SYNC_HEARTBEAT_INTERVAL_MS=1000
      SYNC_RECONCILE_INTERVAL_MS=10000
      SYNC_RECONCILE_LOOKBACK_MS=30000
      \(others.joined(separator: "\n"))

      """
  }

  /// Writes the two files that a user writes.
  func configure(_ tables: [DemoTable]) throws {
    try DurableFile("\(folder)/.env.sync").replace(with: Array(settings.utf8))
    let entries = tables.map(\.configuration).joined(separator: ",\n  ")
    try DurableFile("\(folder)/tables.config.json").replace(
      with: Array("{\"tables\": [\n  \(entries)\n]}\n".utf8))
  }

  func migration() async throws -> String { try await run(["migration"]) }

  /// Runs a command to its end.
  ///
  /// - Returns: its standard output.
  /// - Throws: `Demo.Stopped` with all that it said, where it does not end with 0.
  func run(_ words: [String], settings: [String: String] = [:]) async throws -> String {
    let log = "\(folder)/\(words[0]).log"
    let process = try ChildProcess(
      Self.program, words, environment: environment + settings.map { "\($0)=\($1)" },
      output: .pipe, error: .file(log))
    let output = await process.allOutput()
    let status = await process.wait()
    guard status.isSuccess else {
      let said = String(decoding: (try? DurableFile(log).read()) ?? [], as: UTF8.self)
      throw Demo.Stopped(
        description:
          "`supamirror \(words.joined(separator: " "))` \(status).\n\(said)\(output)")
    }
    return output
  }

  func startDaemon() throws -> DemoDaemon {
    try DemoDaemon(
      Self.program, environment: environment, port: findFreePort(), logPath: "\(folder)/log")
  }

  private var environment: [String] {
    // Settings of the real projects may be in this process's environment, and would win over the file's; and
    // the log goes to a file.
    let others = ProcessEnvironment.read().filter {
      !$0.key.hasPrefix("SYNC_") && !["NOTIFY_SOCKET", "WATCHDOG_USEC"].contains($0.key)
    }
    return others.map { "\($0)=\($1)" } + ["SYNC_ENV_PATH=\(folder)/.env.sync"]
  }

  private static var program: String {
    let own = CommandLine.arguments[0]
    guard let slash = own.lastIndex(of: "/") else { return "supamirror" }
    return String(own[...slash]) + "supamirror"
  }
}
