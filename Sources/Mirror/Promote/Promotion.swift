import Supabase

/// The target takes over from the source: what the source still has is copied, the copy is compared, and the target's
/// sequences are brought past every number that is in use.
///
/// It changes nothing at the source but what every pass does, and nothing on the target after the first obstacle. A dry
/// run only reads.
package struct Promotion: Sendable {
  package struct Options: Hashable, Sendable {
    package var isDryRun = false
    package var acceptsLoss = false
    /// Numbers of each sequence that stay free.
    package var headroom = SequenceGoal.headroom

    package init() {}
  }

  /// What this machine knows of the mirror.
  package struct Circumstances: Sendable {
    /// A process that uses the state now; the sentence that names it.
    package var holder: String?
    /// Whether there is a state: without one this mirror has never run, or another file is its own.
    package var hasState = true
    /// What the daemon wrote last.
    package var status: MirrorStatus?
    /// Where the settings came from, for messages.
    package var environmentPath = ".env.sync"

    package init() {}
  }

  let settings: Settings
  let tables: [TableConfiguration]
  let source: any MirroredProject
  let target: any MirroredProject
  let store: StateStore
  let options: Options
  let circumstances: Circumstances
  let log: Log
  /// What differs is looked at again by it.
  let clock: any Clock<Duration>
  /// Microseconds since 2000-01-01.
  let now: @Sendable () -> Int64
  let progress: @Sendable (TableProgress) -> Void
  /// Called at the end of each phase.
  let told: @Sendable (PromotionPhase, PromotionReport) -> Void

  /// Passes of the drain: who is still writing after these has not stopped.
  static let mostPasses = 10

  package init(
    settings: Settings, tables: [TableConfiguration], source: any MirroredProject,
    target: any MirroredProject, store: StateStore, options: Options,
    circumstances: Circumstances, log: Log = .none,
    clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int64,
    progress: @escaping @Sendable (TableProgress) -> Void = { _ in },
    told: @escaping @Sendable (PromotionPhase, PromotionReport) -> Void = { _, _ in }
  ) {
    self.settings = settings
    self.tables = tables
    self.source = source
    self.target = target
    self.store = store
    self.options = options
    self.circumstances = circumstances
    self.log = log
    self.clock = clock
    self.now = now
    self.progress = progress
    self.told = told
  }

  package func run() async -> PromotionReport {
    var report = PromotionReport(
      isDryRun: options.isDryRun, acceptsLoss: options.acceptsLoss)
    var phase = PromotionPhase.survey
    do throws(LaneStop) {
      let sides = try await survey(&report)
      told(.survey, report)
      let phases:
        [(
          PromotionPhase,
          (PromotionSides, inout PromotionReport) async throws(LaneStop) -> Void
        )] = [
          (.drain, drain), (.verify, verify), (.sequences, raiseSequences),
          (.triggers, findTriggers), (.rest, listRest), (.reverse, describeReverse),
        ]
      for (next, work) in phases {
        // What would be lost without the source is told before anybody accepts it.
        guard let sides, report.mayGoOn || (next == .drain && sides.source == nil) else {
          return report
        }
        phase = next
        try await work(sides, &report)
        told(next, report)
      }
      report.isComplete = true
    } catch {
      note(error, in: phase, &report)
      told(phase, report)
    }
    return report
  }

  private func note(
    _ stop: LaneStop, in phase: PromotionPhase, _ report: inout PromotionReport
  ) {
    switch stop {
    case .project(let sentence):
      report.isUnreachable = true
      report.obstruct(phase, sentence, isAcceptable: false)
    case .configuration(let sentence):
      report.stopped = .configuration
      report.obstruct(phase, sentence, isAcceptable: false)
    case .table(let sentence), .state(let sentence):
      report.obstruct(phase, sentence, isAcceptable: false)
    case .interrupted:
      report.obstruct(
        phase, "interrupted; run it again, every step may be done twice", isAcceptable: false)
    }
    if report.stopped == nil { report.stopped = report.isUnreachable ? .project : .incomplete }
    if !report.phases.contains(where: { $0.phase == phase }) { report.add(phase, []) }
  }
}

/// What the survey found of both projects.
struct PromotionSides: Sendable {
  /// nil: it does not answer.
  var source: Catalogue?
  var target: Catalogue
}

extension Promotion {
  /// - Returns: nil where there is nothing to go on with.
  private func survey(
    _ report: inout PromotionReport
  ) async throws(LaneStop) -> PromotionSides? {
    var facts: [String] = []
    if let holder = circumstances.holder {
      report.obstruct(
        .survey,
        "\(holder) uses this mirror's state; stop it first (`systemctl stop supamirror`, or Ctrl-C), so "
          + "that nothing is copied after the switch, and promote again", isAcceptable: false)
      guard options.isDryRun else {
        report.add(.survey, [])
        return nil
      }
    } else {
      facts.append("no other process uses this mirror's state")
    }
    if !circumstances.hasState {
      report.obstruct(
        .survey,
        "there is no state of this mirror: it has never run here, or SYNC_STATE_PATH or --state names "
          + "another file", isAcceptable: true)
    }
    let target: Catalogue
    do throws(PostgRESTError) {
      target = try await self.target.catalogue(of: "public")
    } catch {
      throw LaneStop(error)
    }
    facts.append("the target, \(settings.target.url), answers")
    var source: Catalogue?
    do throws(PostgRESTError) {
      source = try await self.source.catalogue(of: "public")
      facts.append("the source, \(settings.source.url), answers")
    } catch {
      let stop = LaneStop(error)
      guard case .project(let sentence) = stop else { throw stop }
      report.isUnreachable = true
      facts.append("the source, \(settings.source.url), does not answer")
      report.obstruct(
        .survey,
        "\(sentence). If it is not to come back, --accept-loss promotes without it",
        isAcceptable: true)
    }
    for function in [SequenceFunction.sequences, SequenceFunction.raise]
    where !target.functions.contains(function) {
      report.obstruct(
        .survey,
        "the target has no function \(function): its sequences cannot be raised; apply the output of "
          + "`supamirror migration` to it", isAcceptable: false)
    }
    report.add(.survey, facts)
    return PromotionSides(source: source, target: target)
  }
}
