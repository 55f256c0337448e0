import LocalSupabase
import Transport

/// The `supamirror` that stands beside this program, set up for the demo's projects.
struct DemoMirror {
  private let folder: String
  private let settings: String

  init(_ source: LocalProject, _ target: LocalProject, _ folder: String) {
    self.folder = folder
    settings = """
      SYNC_SOURCE_SUPABASE_URL=\(source.url)
      SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY=\(source.serviceKey)
      SYNC_TARGET_SUPABASE_URL=\(target.url)
      SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY=\(target.serviceKey)
      SYNC_TABLE_CONFIG=\(folder)/tables.config.json
      SYNC_STATE_PATH=\(folder)/state.json
      SYNC_INITIAL_BACKFILL_MS=all

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

  /// One pass; its report, indented.
  func pass() async throws -> String {
    try await run(["--cron"]).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast().map { "     \($0)\n" }.joined()
  }

  private func run(_ arguments: [String]) async throws -> String {
    let log = "\(folder)/log"
    // Settings of the real projects may be in this process's environment, and would win over the file's.
    let others = ProcessEnvironment.read().filter { !$0.key.hasPrefix("SYNC_") }
    let process = try ChildProcess(
      Self.program, arguments,
      environment: others.map { "\($0)=\($1)" } + ["SYNC_ENV_PATH=\(folder)/.env.sync"],
      output: .pipe, error: .file(log))
    let output = await process.allOutput()
    let status = await process.wait()
    guard status.isSuccess else {
      let words = (["supamirror"] + arguments).joined(separator: " ")
      let said = String(decoding: (try? DurableFile(log).read()) ?? [], as: UTF8.self)
      throw Demo.Stopped(description: "`\(words)` ended badly (\(status)).\n\(said)\(output)")
    }
    return output
  }

  private static var program: String {
    let own = CommandLine.arguments[0]
    guard let slash = own.lastIndex(of: "/") else { return "supamirror" }
    return String(own[...slash]) + "supamirror"
  }
}
