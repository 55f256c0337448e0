package import Supabase

/// The stages of a recovery, in their order.
package enum RecoverPhase: String, Sendable, CaseIterable {
  case discovery, analysis, plan, repair, verification
}

/// What a recovery found and did.
package struct RecoverReport: Sendable {
  /// Rows of a table as each server's planner expects them; nil where it does not say.
  package struct Discovered: Hashable, Sendable {
    package let table: TableName
    package var source: Int?
    package var target: Int?
  }

  /// How far it was to go.
  package enum Extent: String, Sendable {
    case analysis, plan, repair
  }

  package let extent: Extent
  package var discovered: [Discovered] = []
  /// Tables that cannot be recovered, and why.
  package var problems: [String] = []
  package var analysis: VerificationReport?
  package var plan: RecoveryPlan?
  package var repairs: [RepairReport] = []
  package var verification: VerificationReport?
  package var times: [RecoverPhase: Duration] = [:]
  /// Why it ended early, as far as that concerns all tables.
  package var stopped: String?
  package var stopKind = PassReport.StopKind.project

  package init(_ extent: Extent) { self.extent = extent }

  package var inserted: Int { sum(\.inserted) }
  package var overwritten: Int { sum(\.overwritten) }
  package var deleted: Int { sum(\.deleted) }
  package func sum(_ path: KeyPath<RepairReport, Int>) -> Int {
    repairs.reduce(0) { $0 + $1[keyPath: path] }
  }

  /// Both sides were proven equal, before anything was done or after all of it.
  package var isEqual: Bool {
    guard stopped == nil, problems.isEmpty else { return false }
    return (verification ?? analysis)?.exitCode == .clean
  }

  package var exitCode: ExitCode {
    if stopped != nil {
      return switch stopKind {
      case .project: .project
      case .configuration: .configuration
      case .here: .incomplete
      }
    }
    if isEqual { return .clean }
    let last = (verification ?? analysis)?.exitCode ?? .incomplete
    return last == .clean ? .incomplete : last
  }

  mutating func note(_ stop: LaneStop) {
    var report = PassReport()
    report.note(stop)
    stopKind = report.stopKind
    stopped = report.stopped
    if case .interrupted = stop {
      stopped = "interrupted; run it again: what was done is found equal then"
    }
  }

  mutating func note(_ report: VerificationReport) {
    guard let sentence = report.stopped else { return }
    stopKind = report.stopKind
    stopped = sentence
  }
}
