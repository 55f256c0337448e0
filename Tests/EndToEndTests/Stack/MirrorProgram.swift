import Glibc
import Testing
import Transport

/// One `supamirror` set up for the stack: a folder with its table configuration and state, and the program.
struct MirrorProgram: Sendable {
  let folder: String
  private(set) var environment: [String: String]
  /// What was asked for when it was made.
  let settings: [String: String]

  /// What one run did.
  struct Outcome: Sendable, CustomStringConvertible {
    let status: ChildProcess.ExitStatus
    /// Standard output: the report.
    let output: String
    /// Standard error: the log.
    let log: String
    /// Bytes that were resident at most.
    let peakMemory: Int

    var exitCode: Int32? { if case .exited(let code) = status { code } else { nil } }
    var description: String { "\(status)\n\(output)\n\(log)" }
  }

  /// - Parameters:
  ///   - tables: entries of `tables.config.json`.
  ///   - source: in place of the stack's own URL, e.g. a fault proxy's.
  init(
    _ stack: Stack, tables: [String], settings: [String: String] = [:], source: String? = nil,
    target: String? = nil
  ) throws {
    folder = try Self.makeFolder()
    var environment = [
      "PATH": Environment.process["PATH"] ?? "/usr/bin:/bin",
      "SYNC_SOURCE_SUPABASE_URL": source ?? stack.source.url,
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": stack.source.key,
      "SYNC_TARGET_SUPABASE_URL": target ?? stack.target.url,
      "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": stack.target.key,
      "SYNC_TABLE_CONFIG": "\(folder)/tables.config.json",
      "SYNC_STATE_PATH": "\(folder)/state.json",
      "SYNC_ENV_PATH": "\(folder)/.env.sync",
      "SYNC_INITIAL_BACKFILL_MS": "all",
      "SYNC_RETRY_MS": "10000",
    ]
    environment.merge(settings) { $1 }
    self.environment = environment
    self.settings = settings
    try DurableFile("\(folder)/.env.sync").replace(with: [])
    try setTables(tables)
  }

  var statePath: String { "\(folder)/state.json" }
  /// Standard error of everything that is run.
  var logPath: String { "\(folder)/log" }

  /// Replaces the table configuration.
  func setTables(_ tables: [String]) throws {
    try writeFile(
      "\(folder)/tables.config.json",
      Array("{\"tables\": [\(tables.joined(separator: ",\n"))]}".utf8))
  }

  /// From now on this setting comes from `.env.sync`, which a running mirror may read again.
  mutating func setInFile(_ name: String, _ value: String) throws {
    environment[name] = nil
    try writeFile("\(folder)/.env.sync", Array("\(name)=\(value)\n".utf8))
  }

  func writeFile(_ path: String, _ bytes: [UInt8]) throws {
    try DurableFile(path).replace(with: bytes)
  }

  /// One entry of `tables.config.json`.
  static func table(
    _ name: String, schema: String = "public", keys: [String] = ["id"],
    by fields: [String] = ["updated_at"]
  ) -> String {
    let list = { (names: [String]) in
      "[" + names.map(quoted).joined(separator: ", ") + "]"
    }
    return "{\"name\": \(quoted(name)), \"schema\": \(quoted(schema)), "
      + "\"primaryKeys\": \(list(keys)), \"incrementalFields\": \(list(fields))}"
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Starts the program without waiting.
  func start(_ arguments: [String], settings: [String: String] = [:]) throws -> ChildProcess {
    try ChildProcess(
      "\(Environment.products)/supamirror", arguments,
      environment: environment.merging(settings) { $1 }.map { "\($0)=\($1)" },
      output: .pipe, error: .file(logPath))
  }

  /// Runs the program to its end.
  func run(_ arguments: [String], settings: [String: String] = [:]) async throws -> Outcome {
    let before = (try? readFile(logPath))?.count ?? 0
    let process = try start(arguments, settings: settings)
    async let peak = ProcessMemory.peak(of: process)
    let output = await process.allOutput()
    let status = await process.wait()
    let log = (try? readFile(logPath)) ?? []
    return Outcome(
      status: status, output: output, log: String(decoding: log.dropFirst(before), as: UTF8.self),
      peakMemory: await peak)
  }

  /// One pass.
  func cron(_ arguments: String..., settings: [String: String] = [:]) async throws -> Outcome {
    try await run(["--cron"] + arguments, settings: settings)
  }

  /// Puts the migration for the configured tables into both projects.
  func migrate(_ stack: Stack) async throws {
    let migration = try await run(["migration"])
    try #require(migration.exitCode == 0, "\(migration)")
    try await stack.both(migration.output)
  }

  func readFile(_ path: String) throws -> [UInt8] {
    guard let bytes = try DurableFile(path).read() else { return [] }
    return bytes
  }

  static func makeFolder() throws -> String {
    var template = Array("/tmp/supamirror-test-XXXXXX".utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe mkdtemp(start) != nil
    }
    try #require(isMade)
    return String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
