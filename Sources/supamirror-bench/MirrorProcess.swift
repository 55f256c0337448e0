import Glibc
import LocalSupabase
import Transport

/// A running `supamirror`.
struct MirrorProcess {
  private let setup: MirrorSetup
  private let process: ChildProcess

  /// Starts the daemon.
  init(_ setup: MirrorSetup) throws {
    self.setup = setup
    process = try setup.start(["run"], output: .null)
  }

  /// Returns when the feed is proven; the marker row on the target tells.
  func waitUntilLive(_ stack: BenchStack) async throws {
    let start = ContinuousClock.now
    while try await stack.target.sql("select 1 from sync_heartbeat").isEmpty {
      guard ContinuousClock.now - start < .seconds(60) else {
        throw BenchStopped(description: "the feed is not live\n\(setup.log)")
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
    guard let memory = ProcessMemory(process.pid),
      let stat = ProcessMemory.lines("/proc/\(process.pid)/stat").first
    else { throw BenchStopped(description: "supamirror has ended\n\(setup.log)") }
    let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
    let ticks = (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
    return Usage(
      cpu: .milliseconds(ticks * 1_000 / sysconf(Int32(_SC_CLK_TCK))), resident: memory.resident,
      peak: memory.peak)
  }

  func end() async { await process.end() }
}

/// What a running process has in memory, in bytes.
struct ProcessMemory {
  let resident: Int
  /// What `wait4` says counts the memory of the process that started it.
  let peak: Int

  /// nil where it has ended.
  init?(_ pid: pid_t) {
    let status = Self.lines("/proc/\(pid)/status")
    func kilobytes(_ name: String) -> Int? {
      let line = status.first { $0.hasPrefix(name) }
      return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
    guard let resident = kilobytes("VmRSS:"), let peak = kilobytes("VmHWM:") else { return nil }
    self.resident = resident << 10
    self.peak = peak << 10
  }

  static func lines(_ path: String) -> [String] {
    guard let bytes = try? DurableFile(path).read() else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map(String.init)
  }
}
