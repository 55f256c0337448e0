import JSON
import Transport

/// One run of the mirror that copies everything, as its operator starts it, to its end.
struct BackfillRun {
  let time: Duration
  let cpu: Duration
  /// Bytes.
  let peak: Int
  let report: PassNumbers

  /// A first copy: nothing is known of an earlier one.
  static func first(_ setup: MirrorSetup, _ more: [String] = []) async throws -> BackfillRun {
    try setup.forget()
    return try await BackfillRun(setup, ["backfill", "--all"] + more)
  }

  init(_ setup: MirrorSetup, _ arguments: [String]) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    let process = try setup.start(arguments + ["--log-format", "json"])
    let watch = Task {
      var peak = 0
      while process.status == nil {
        peak = max(peak, ProcessMemory(process.pid)?.peak ?? 0)
        try? await Task.sleep(for: .milliseconds(10))
      }
      return peak
    }
    let status = await process.wait()
    time = clock.now - start
    peak = await watch.value
    cpu = process.cpu
    let output = await process.allOutput()
    guard status.isSuccess, let numbers = PassNumbers(output) else {
      throw BenchStopped(
        description:
          "supamirror \(arguments.joined(separator: " ")) \(status)\n\(output)\(setup.log)")
    }
    report = numbers
  }
}

/// What a pass says of itself, over all tables.
struct PassNumbers {
  private(set) var read = 0
  private(set) var written = 0
  private(set) var unchanged = 0

  init?(_ output: String) {
    let lines = output.split(whereSeparator: \.isNewline)
    guard let line = lines.last(where: { $0.hasPrefix("{\"exitCode\"") }),
      let tables = (try? JSONNode(parsing: Array(line.utf8)))?["tables"]?.array
    else { return nil }
    for table in tables {
      func number(_ name: String) -> Int {
        guard case .number(let digits) = table[name]?.value else { return 0 }
        return Int(digits) ?? 0
      }
      read += number("read")
      written += number("upserted")
      unchanged += number("unchanged")
    }
  }
}
