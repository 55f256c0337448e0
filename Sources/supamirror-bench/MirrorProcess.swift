import Glibc
import LocalSupabase
import Transport

/// The `supamirror` that stands beside this program, at work on a stack.
struct MirrorProcess {
  private let process: ChildProcess
  private let log: String

  /// Starts the daemon.
  init(_ stack: BenchStack, _ settings: [String: String] = [:]) throws {
    log = "\(stack.folder.path)/log"
    process = try Self.start(stack, ["run"], settings, output: .null)
  }

  static func output(_ stack: BenchStack, _ arguments: [String]) async throws -> String {
    let process = try start(stack, arguments, [:], output: .pipe)
    let output = await process.allOutput()
    let status = await process.wait()
    guard status.isSuccess else {
      throw BenchStopped(description: "supamirror \(arguments) ended badly (\(status))")
    }
    return output
  }

  private static func start(
    _ stack: BenchStack, _ arguments: [String], _ settings: [String: String],
    output: ChildProcess.Stream
  ) throws -> ChildProcess {
    let folder = stack.folder.path
    let entries = (0..<stack.tables).map {
      "{\"name\": \"\(BenchStack.name($0))\", \"primaryKeys\": [\"id\"], \"incrementalFields\": [\"updated_at\"]}"
    }
    try DurableFile("\(folder)/tables.config.json").replace(
      with: Array("{\"tables\": [\(entries.joined(separator: ","))]}\n".utf8))
    var all = [
      "SYNC_SOURCE_SUPABASE_URL": stack.source.url,
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": stack.source.serviceKey,
      "SYNC_TARGET_SUPABASE_URL": stack.target.url,
      "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": stack.target.serviceKey,
      "SYNC_TABLE_CONFIG": "\(folder)/tables.config.json",
      "SYNC_STATE_PATH": "\(folder)/state.json", "SYNC_INITIAL_BACKFILL_MS": "all",
    ]
    all.merge(settings) { _, new in new }
    let others = ProcessEnvironment.read().filter { !$0.key.hasPrefix("SYNC_") }
    let environment = others.merging(all) { _, new in new }.map { "\($0)=\($1)" }
    let own = CommandLine.arguments[0]
    let program = own.lastIndex(of: "/").map { String(own[...$0]) + "supamirror" } ?? "supamirror"
    return try ChildProcess(
      program, arguments, environment: environment, output: output, error: .file("\(folder)/log"))
  }

  /// Returns when the feed is proven; the marker row on the target tells.
  func waitUntilLive(_ stack: BenchStack) async throws {
    let start = ContinuousClock.now
    while try await stack.target.sql("select 1 from sync_heartbeat").isEmpty {
      guard ContinuousClock.now - start < .seconds(60) else {
        let said = (try? DurableFile(log).read()) ?? []
        throw BenchStopped(
          description: "the feed is not live\n\(String(decoding: said, as: UTF8.self))")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    // The pass that heals the first gap.
    try await Task.sleep(for: .seconds(2))
  }

  struct Usage {
    /// Of user and system.
    var cpu: Duration
    /// Bytes.
    var resident: Int
    var peak: Int
  }

  func usage() throws -> Usage {
    let status = try lines("/proc/\(process.pid)/status")
    func kilobytes(_ name: String) -> Int {
      let line = status.first { $0.hasPrefix(name) } ?? ""
      return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
    }
    let stat = try lines("/proc/\(process.pid)/stat").first ?? ""
    let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
    let ticks = (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
    return Usage(
      cpu: .milliseconds(ticks * 1_000 / sysconf(Int32(_SC_CLK_TCK))),
      resident: kilobytes("VmRSS:") << 10, peak: kilobytes("VmHWM:") << 10)
  }

  private func lines(_ path: String) throws -> [String] {
    guard let bytes = try DurableFile(path).read() else {
      throw BenchStopped(description: "supamirror has ended")
    }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(
      String.init)
  }

  func end() async { await process.end() }
}
