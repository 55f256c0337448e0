import Glibc
import Mirror
import Testing
import Transport

/// A running `supamirror run`, as its operator sees it: status server, log, signals, memory.
struct DaemonProgram: Sendable {
  let mirror: MirrorProgram
  let process: ChildProcess
  /// Of 127.0.0.1.
  let port: Int
  /// Where its part of the log file begins.
  private let logStart: Int
  private let client = HTTPClient()

  /// So long anything may take on a loaded machine.
  static let patience = Duration.seconds(90)

  /// It did not happen in time.
  struct Overdue: Error, CustomStringConvertible {
    let description: String
  }

  /// Beats and retries follow each other quickly; regular passes do not come during a test, so that what arrives
  /// arrives by the feed or by what the feed asked for.
  static let settings = [
    "SYNC_HEARTBEAT_INTERVAL_MS": "1000", "SYNC_RECONCILE_INTERVAL_MS": "3600000",
    "SYNC_RETRY_MS": "2000",
  ]

  /// Starts the daemon and returns when its status server answers, or when it has ended.
  ///
  /// - Parameter environment: what a service manager adds.
  init(
    _ mirror: MirrorProgram, _ arguments: [String] = [], environment: [String: String] = [:]
  ) async throws {
    self.mirror = mirror
    port = findFreePort()
    logStart = (try? mirror.readFile(mirror.logPath))?.count ?? 0
    let settings = Self.settings.merging(mirror.settings) { $1 }
    process = try mirror.start(
      ["run"] + arguments,
      settings: settings.merging(environment) { $1 }
        .merging(["SYNC_STATUS_LISTEN": "\(port)"]) { $1 })
    let start = ContinuousClock.now
    while process.status == nil, try await get("/healthz") == nil {
      try await pause(start, "the status server of \(process.pid) answers")
    }
  }

  var isRunning: Bool { process.status == nil }

  /// What it has written to standard error.
  var log: String {
    let bytes = (try? mirror.readFile(mirror.logPath)) ?? []
    return String(decoding: bytes.dropFirst(logStart), as: UTF8.self)
  }

  var logLines: [Substring] { log.split(separator: "\n") }

  /// An answer of the status server; nil where there was none.
  func get(_ path: String) async throws -> HTTPAnswer? {
    do {
      return try await client.send(
        HTTPRequest(
          method: "GET", url: "http://127.0.0.1:\(port)\(path)", timeLimit: .seconds(20)))
    } catch {
      return nil
    }
  }

  func answer(_ path: String) async throws -> (status: Int, text: String)? {
    try await get(path).map { ($0.status, String(decoding: $0.body, as: UTF8.self)) }
  }

  func status() async throws -> MirrorStatus {
    guard let answer = try await get("/status.json") else {
      throw Overdue(description: "no status: \(String(describing: process.status))\n\(log)")
    }
    return try StatusJSON.read(answer.body)
  }

  /// Waits until the daemon's status is as wanted.
  @discardableResult
  func wait(
    _ what: String, until isSo: (MirrorStatus) -> Bool
  ) async throws -> MirrorStatus {
    let start = ContinuousClock.now
    while true {
      let status = try await status()
      if isSo(status) { return status }
      try await pause(start, what)
    }
  }

  /// Waits until the feed is proven in every channel and every gap is healed.
  @discardableResult
  func waitUntilLive() async throws -> MirrorStatus {
    try await wait("the feed is live") { $0.isLive }
  }

  /// Waits until both databases hold the same rows in these tables.
  func waitUntilEqual(_ stack: Stack, _ tables: [String]) async throws {
    let start = ContinuousClock.now
    while true {
      var unequal: [String] = []
      for table in tables where try await !stack.isEqual(table) { unequal.append(table) }
      if unequal.isEmpty { return }
      var differences = unequal
      if ContinuousClock.now - start >= Self.patience {
        for table in unequal { differences += try await stack.differences(table) }
      }
      try await pause(start, "equal: \(differences)")
    }
  }

  func waitForLog(_ words: String, count: Int = 1) async throws {
    let start = ContinuousClock.now
    while logLines.count(where: { $0.contains(words) }) < count {
      try await pause(start, "the log says: \(words)")
    }
  }

  /// Waits until it has ended.
  func waitForEnd() async throws -> ChildProcess.ExitStatus {
    let start = ContinuousClock.now
    while process.status == nil { try await pause(start, "the daemon ends") }
    return await process.wait()
  }

  /// Ends it in order; a daemon that does not end is killed.
  @discardableResult
  func stop() async -> ChildProcess.ExitStatus {
    await process.end(SIGTERM, within: .seconds(60))
  }

  /// Bytes that are resident now.
  var residentMemory: Int { ProcessMemory.read("VmRSS:", of: process) }
  /// Bytes that were resident at most.
  var peakMemory: Int { ProcessMemory.read("VmHWM:", of: process) }

  /// Lets others work between two looks.
  private func pause(_ start: ContinuousClock.Instant, _ what: String) async throws {
    guard ContinuousClock.now - start < Self.patience else {
      let shown = (try? await status()).map { StatusText($0).plain } ?? ""
      throw Overdue(description: "not in time: \(what)\n\(shown)\n\(log)")
    }
    try await Task.sleep(for: .milliseconds(50))
  }
}

extension MirrorStatus {
  /// Every channel is proven, and nothing is left that the feed may have missed.
  var isLive: Bool {
    feed.state == .live && feed.gapSince == nil && feed.gapsHealed > 0 && !pass.isRunning
      && tables.allSatisfy { [.live, .off].contains($0.feed) }
  }
}
