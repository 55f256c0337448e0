import LocalSupabase
import Transport

/// 100 changes a second over five tables: how long each takes to be on the target.
struct LagScenario {
  let seconds: Int
  /// `poll_interval_ms` of the server; after a poll that found changes the next one follows at once.
  static let pollInterval = 100.0

  func run(_ report: inout BenchReport) async throws {
    Bench.say("\nlag: 100 changes/s over 5 tables for \(seconds) s")
    let mirror = try await measure("supamirror", seconds, &report) { stack in
      let mirror = try MirrorProcess(stack.mirror)
      try await mirror.waitUntilLive(stack)
      return Contender(
        begin: { try mirror.usage() }, end: { await mirror.end() })
    }
    let short = min(seconds, 30)
    let relay = try await measure("ideal relay", short, &report) { stack in
      let relay = IdealRelay(stack)
      try await relay.start()
      return Contender(begin: nil, end: { await relay.stop() })
    }
    let worker = try await measure("naive worker", short, &report) { stack in
      let worker = NaiveWorker(stack)
      return Contender(begin: nil, end: { await worker.stop() })
    }
    report.add("lag.p50_to_ideal_relay", mirror / max(relay, 0.01), unit: "x")
    report.add("lag.p50_to_naive_worker", mirror / max(worker, 0.01), unit: "x")
  }

  /// - Returns: the median.
  private func measure(
    _ name: String, _ seconds: Int, _ report: inout BenchReport,
    _ make: (BenchStack) async throws -> Contender
  ) async throws -> Double {
    let stack = try await BenchStack.start(
      tables: 5, eventsPerSecond: 2_500, pollInterval: .milliseconds(Int(Self.pollInterval)))
    do {
      let contender = try await make(stack)
      let isMirror = contender.begin != nil
      let before = try contender.begin?()
      let changes = try await Workload(stack: stack, changesPerSecond: 100, batch: 1)
        .run(for: .seconds(seconds))
      let after = try contender.begin?()
      let rest = isMirror ? try await stack.converge(within: .seconds(60)) : .seconds(2)
      if !isMirror { try await Task.sleep(for: rest) }
      await contender.end()
      let lags = Lags(try await stack.target.sql(Lags.query))
      let key = name.split(separator: " ").joined(separator: "_")
      Bench.say("  \(name): \(changes) changes, \(lags.count) arrivals")
      report.add(
        "lag.\(key).p50_ms", lags.percentile(0.5), unit: "ms",
        isMirror ? .atMost(Self.pollInterval + 30) : nil)
      report.add("lag.\(key).p90_ms", lags.percentile(0.9), unit: "ms")
      report.add(
        "lag.\(key).p99_ms", lags.percentile(0.99), unit: "ms",
        isMirror ? .atMost(Self.pollInterval + 150) : nil)
      report.add("lag.\(key).max_ms", lags.highest, unit: "ms")
      for line in lags.histogram { Bench.say(line) }
      if let before, let after {
        report.add(
          "lag.\(key).cpu_percent", (after.cpu - before.cpu).inSeconds / Double(seconds) * 100,
          unit: "% of a core")
        report.add("lag.\(key).peak_mib", Double(after.peak) / 1_048_576, unit: "MiB")
        report.add(
          "lag.\(key).rows_lost", Double(try await stack.differences()), unit: "rows", .atMost(0))
      }
      await stack.stop()
      return lags.percentile(0.5)
    } catch {
      await stack.stop()
      throw error
    }
  }
}

/// What is measured: a process whose use can be told, or something in this one.
struct Contender {
  let begin: (() throws -> MirrorProcess.Usage)?
  let end: () async -> Void
}

/// 5,000 changes a second, most of which the Realtime server throws away over its limit.
struct BurstScenario {
  let seconds: Int

  func run(_ report: inout BenchReport) async throws {
    Bench.say(
      "\nburst: 5,000 changes/s over 5 tables for \(seconds) s, server's limit 100 events/s")
    let stack = try await BenchStack.start(tables: 5, eventsPerSecond: 100)
    do {
      let mirror = try MirrorProcess(stack.mirror)
      try await mirror.waitUntilLive(stack)
      // What the first rows take of memory is not the burst's.
      _ = try await Workload(stack: stack, changesPerSecond: 100, batch: 1).run(for: .seconds(5))
      _ = try await stack.converge(within: .seconds(60))
      let before = try mirror.usage()
      let changes = try await Workload(stack: stack, changesPerSecond: 5_000, batch: 50)
        .run(for: .seconds(seconds))
      let behind = try await stack.converge(within: .seconds(120))
      let after = try mirror.usage()
      Bench.say("  \(changes) changes")
      report.add("burst.changes_per_second", Double(changes) / Double(seconds), unit: "changes/s")
      report.add("burst.converged_after_s", behind.inSeconds, unit: "s", .atMost(30))
      report.add(
        "burst.memory_growth_mib", Double(after.peak - before.resident) / 1_048_576, unit: "MiB",
        .atMost(20))
      report.add("burst.peak_mib", Double(after.peak) / 1_048_576, unit: "MiB")
      await mirror.end()
    } catch {
      await stack.stop()
      throw error
    }
    await stack.stop()
  }
}

/// 50 tables in which nothing happens.
struct IdleScenario {
  let seconds: Int

  func run(_ report: inout BenchReport) async throws {
    Bench.say("\nidle: 50 tables, nothing changes, \(seconds) s")
    let stack = try await BenchStack.start(tables: 50, eventsPerSecond: 100)
    do {
      let mirror = try MirrorProcess(stack.mirror)
      try await mirror.waitUntilLive(stack)
      let before = try mirror.usage()
      try await Task.sleep(for: .seconds(seconds))
      let after = try mirror.usage()
      report.add(
        "idle.cpu_percent", (after.cpu - before.cpu).inSeconds / Double(seconds) * 100,
        unit: "% of a core", .atMost(0.5))
      report.add("idle.resident_mib", Double(after.resident) / 1_048_576, unit: "MiB", .atMost(30))
      await mirror.end()
    } catch {
      await stack.stop()
      throw error
    }
    await stack.stop()
  }
}
