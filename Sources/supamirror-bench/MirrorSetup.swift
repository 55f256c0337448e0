import Transport

/// The `supamirror` that stands beside this program, set up for two projects.
struct MirrorSetup: Sendable {
  struct Endpoint: Sendable {
    var url: String
    var key: String
  }

  struct Table: Sendable {
    var name: String
    var keys = ["id"]
    var field = "updated_at"

    fileprivate var entry: String {
      let keys = keys.map { "\"\($0)\"" }.joined(separator: ", ")
      return """
        {"name": "\(name)", "primaryKeys": [\(keys)], "incrementalFields": ["\(field)"]}
        """
    }
  }

  /// Of the configuration, the state and the log.
  let folder: String
  var source: Endpoint
  var target: Endpoint
  var tables: [Table]
  var settings: [String: String] = [:]

  /// `BENCH_LOG`, to look at afterwards, or a file that goes.
  private var logPath: String { ProcessEnvironment.read()["BENCH_LOG"] ?? "\(folder)/log" }
  private var statePath: String { "\(folder)/state.json" }

  /// The next run begins as the first one did.
  func forget() throws { try SnapshotFile(statePath).remove() }

  /// Starts the program; what it logs goes to a file.
  func start(_ arguments: [String], output: ChildProcess.Stream = .pipe) throws -> ChildProcess {
    try DurableFile("\(folder)/tables.config.json").replace(
      with: Array("{\"tables\": [\(tables.map(\.entry).joined(separator: ","))]}\n".utf8))
    // In place of one that may stand in the working folder.
    try DurableFile("\(folder)/env.sync").replace(with: [])
    var all = [
      "SYNC_SOURCE_SUPABASE_URL": source.url,
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": source.key,
      "SYNC_TARGET_SUPABASE_URL": target.url,
      "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": target.key,
      "SYNC_TABLE_CONFIG": "\(folder)/tables.config.json",
      "SYNC_STATE_PATH": statePath, "SYNC_ENV_PATH": "\(folder)/env.sync",
      "SYNC_INITIAL_BACKFILL_MS": "all",
    ]
    all.merge(settings) { _, new in new }
    let others = ProcessEnvironment.read().filter { !$0.key.hasPrefix("SYNC_") }
    let environment = others.merging(all) { _, new in new }.map { "\($0)=\($1)" }
    return try ChildProcess(
      Self.program, arguments, environment: environment, output: output, error: .file(logPath))
  }

  private static var program: String {
    let own = CommandLine.arguments[0]
    return own.lastIndex(of: "/").map { String(own[...$0]) + "supamirror" } ?? "supamirror"
  }

  /// The SQL for both projects.
  func migration() async throws -> String {
    let process = try start(["migration"])
    let output = await process.allOutput()
    let status = await process.wait()
    guard status.isSuccess else {
      throw BenchStopped(description: "supamirror migration \(status)\n\(log)")
    }
    return output
  }

  /// The last lines that it logged.
  var log: String {
    let bytes = (try? DurableFile(logPath).read()) ?? []
    return String(decoding: bytes.suffix(4_000), as: UTF8.self)
  }
}
