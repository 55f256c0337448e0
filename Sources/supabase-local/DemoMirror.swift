import LocalSupabase
import Transport

/// The `supamirror` that stands beside this program, set up for the demo's projects.
struct DemoMirror {
  private let folder: String
  private let settings: String

  init(_ source: LocalProject, _ target: LocalProject, _ folder: String) {
    self.folder = folder
    // The last four make short what a person waits for here.
    settings = """
      SYNC_SOURCE_SUPABASE_URL=\(source.url)
      SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY=\(source.serviceKey)
      SYNC_TARGET_SUPABASE_URL=\(target.url)
      SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY=\(target.serviceKey)
      SYNC_TABLE_CONFIG=\(folder)/tables.config.json
      SYNC_STATE_PATH=\(folder)/state.json
      SYNC_INITIAL_BACKFILL_MS=all
      SYNC_HEARTBEAT_INTERVAL_MS=1000
      SYNC_RECONCILE_INTERVAL_MS=10000
      SYNC_RECONCILE_LOOKBACK_MS=30000

      """
  }

  /// Writes the two files that a user writes.
  func configure(_ tables: [DemoTable]) throws {
    try DurableFile("\(folder)/.env.sync").replace(with: Array(settings.utf8))
    let entries = tables.map(\.configuration).joined(separator: ",\n  ")
    try DurableFile("\(folder)/tables.config.json").replace(
      with: Array("{\"tables\": [\n  \(entries)\n]}\n".utf8))
  }

  func migration() async throws -> String {
    let log = "\(folder)/migration.log"
    let process = try ChildProcess(
      Self.program, ["migration"], environment: environment, output: .pipe, error: .file(log))
    let output = await process.allOutput()
    let status = await process.wait()
    guard status.isSuccess else {
      let said = String(decoding: (try? DurableFile(log).read()) ?? [], as: UTF8.self)
      throw Demo.Stopped(description: "`supamirror migration` \(status).\n\(said)\(output)")
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
