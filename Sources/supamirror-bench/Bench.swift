import Glibc
import LocalSupabase
import Transport

/// Measures the mirror on a stack, beside the best and the simplest that could be run instead.
@main
struct Bench {
  static func main() async {
    _ = signal(SIGPIPE, SIG_IGN)
    let environment = ProcessEnvironment.read()
    var report = BenchReport()
    do {
      let (scenarios, settings) = try arguments(environment)
      do {
        for scenario in scenarios { try await scenario.run(settings, &report) }
      } catch {
        // What was measured until then is written down all the same.
        try? await ReportFiles(environment).write(report)
        throw error
      }
      try await ReportFiles(environment).write(report)
    } catch {
      StandardStream.error.write("supamirror-bench: \(error)\n")
      exit(error is BenchUsage ? 2 : 1)
    }
    exit(report.hasMissed ? 1 : 0)
  }

  private static func arguments(
    _ environment: [String: String]
  ) throws(BenchUsage) -> ([Scenario], BenchSettings) {
    var names = Array(CommandLine.arguments.dropFirst())
    var settings = BenchSettings()
    if names.first == "full" {
      settings.isFull = true
      names.removeFirst()
    }
    for (name, path) in [
      ("BENCH_SECONDS", \BenchSettings.seconds), ("BENCH_ROWS", \.rows),
      ("BENCH_REPEATS", \.repeats), ("BENCH_MAX_ROWS", \.maxRows),
    ] {
      guard let text = environment[name], !text.isEmpty else { continue }
      guard let number = Int(text), number > 0 else {
        throw BenchUsage(description: "\(name)=\(text) is no number above 0")
      }
      settings[keyPath: path] = number
    }
    settings.shapes = try list("BENCH_TABLES", environment) { RowShape(rawValue: $0) }
    settings.latencies = try list("BENCH_LATENCIES", environment) { Int($0) }
    if names.isEmpty { return (settings.isFull ? Scenario.full : Scenario.usual, settings) }
    let chosen = names.compactMap(Scenario.init)
    guard chosen.count == names.count else {
      let all = Scenario.allCases.map { "[\($0.rawValue)]" }.joined(separator: " ")
      throw BenchUsage(description: "usage: supamirror-bench [full] \(all)")
    }
    return (chosen, settings)
  }

  private static func list<Element>(
    _ name: String, _ environment: [String: String], _ read: (String) -> Element?
  ) throws(BenchUsage) -> [Element]? {
    guard let text = environment[name], !text.isEmpty else { return nil }
    var list: [Element] = []
    for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      guard let element = read(String(word)) else {
        throw BenchUsage(description: "\(name)=\(text): there is no \(word)")
      }
      list.append(element)
    }
    return list
  }

  static func say(_ text: String) { StandardStream.output.write(text + "\n") }
}

/// What stopped a measurement.
struct BenchStopped: Error, CustomStringConvertible {
  var description: String
}

struct BenchUsage: Error, CustomStringConvertible {
  var description: String
}

/// What the command line and the environment ask for.
struct BenchSettings {
  /// Every size and kind of row, in place of what takes some minutes.
  var isFull = false
  /// How long the live scenarios take.
  var seconds: Int?
  /// Of the usual table.
  var rows: Int?
  var repeats: Int?
  /// The projects' cap on rows a request; nil: none.
  var maxRows: Int?
  /// nil: all that the plan has.
  var shapes: [RowShape]?
  var latencies: [Int]?
}

enum Scenario: String, CaseIterable {
  case copy, balance, reconcile, tenmillion, lag, burst, idle

  static let usual: [Self] = [.copy, .reconcile]
  static let full: [Self] = [.copy, .balance, .reconcile, .lag, .burst, .idle]

  func run(_ settings: BenchSettings, _ report: inout BenchReport) async throws {
    switch self {
    case .copy: try await CopyScenario(CopyPlan(settings), settings).run(&report)
    case .tenmillion: try await CopyScenario(.tenMillion, settings).run(&report)
    case .balance: try await BalanceScenario(settings).run(&report)
    case .reconcile: try await ReconcileScenario(settings).run(&report)
    case .lag: try await LagScenario(seconds: settings.seconds ?? 120).run(&report)
    case .burst: try await BurstScenario(seconds: settings.seconds ?? 30).run(&report)
    case .idle: try await IdleScenario(seconds: settings.seconds ?? 60).run(&report)
    }
  }
}
