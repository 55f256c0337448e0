import Glibc
import LocalSupabase
import Transport

/// Measures the mirror on the local stack, beside the best and the simplest that could be run instead.
@main
struct Bench {
  static func main() async {
    _ = signal(SIGPIPE, SIG_IGN)
    let names = CommandLine.arguments.dropFirst()
    let chosen = names.isEmpty ? Scenario.allCases : names.compactMap(Scenario.init)
    guard names.isEmpty || chosen.count == names.count else {
      StandardStream.error.write("usage: supamirror-bench [lag] [burst] [idle]\n")
      exit(2)
    }
    let environment = ProcessEnvironment.read()
    let seconds = environment["BENCH_SECONDS"].flatMap { Int($0) }
    var report = BenchReport()
    do {
      for scenario in chosen { try await scenario.run(seconds: seconds, &report) }
    } catch {
      StandardStream.error.write("supamirror-bench: \(error)\n")
      exit(1)
    }
    if let path = environment["BENCH_JSON"] {
      do {
        try SnapshotFile(path).replace(with: report.json)
      } catch {
        StandardStream.error.write("supamirror-bench: \(error)\n")
      }
    }
    exit(report.hasMissed ? 1 : 0)
  }

  static func say(_ text: String) { StandardStream.output.write(text + "\n") }
}

/// What stopped a measurement.
struct BenchStopped: Error, CustomStringConvertible {
  var description: String
}

enum Scenario: String, CaseIterable {
  case lag, burst, idle

  func run(seconds: Int?, _ report: inout BenchReport) async throws {
    switch self {
    case .lag: try await LagScenario(seconds: seconds ?? 120).run(&report)
    case .burst: try await BurstScenario(seconds: seconds ?? 30).run(&report)
    case .idle: try await IdleScenario(seconds: seconds ?? 60).run(&report)
    }
  }
}
