/// The stages of a promotion, in their order.
package enum PromotionPhase: String, Sendable, CaseIterable {
  case survey, drain, verify, sequences, triggers, rest, reverse
}

/// Something that speaks against the target's taking over.
package struct PromotionObstacle: Hashable, Sendable {
  package let phase: PromotionPhase
  /// What it is, and what to do.
  package let sentence: String
  /// Who says `--accept-loss` goes on. Others stop the promotion in any case.
  package let isAcceptable: Bool
}

/// What a promotion found and did.
package struct PromotionReport: Sendable {
  package let isDryRun: Bool
  package let acceptsLoss: Bool
  /// What each phase that was come to has to say, in order.
  package private(set) var phases: [(phase: PromotionPhase, facts: [String])] = []
  package private(set) var obstacles: [PromotionObstacle] = []
  package var goals: [SequenceGoal] = []
  package var raised: [RaisedSequence] = []
  /// Statements that switch triggers on again.
  package var triggers: [String] = []
  package var rest: [String] = []
  package var reverse: ReverseMirror?
  /// What ended it early, where that was no obstacle.
  package var stopped: ExitCode?
  /// A project did not answer, or refused the key.
  package var isUnreachable = false
  /// Every phase was come to.
  package var isComplete = false

  package init(isDryRun: Bool, acceptsLoss: Bool) {
    self.isDryRun = isDryRun
    self.acceptsLoss = acceptsLoss
  }

  /// What stands in the way, unless it was accepted.
  package var standing: [PromotionObstacle] {
    obstacles.filter { !($0.isAcceptable && acceptsLoss) }
  }

  package var accepted: [PromotionObstacle] { obstacles.filter { $0.isAcceptable && acceptsLoss } }

  /// A dry run goes on: it is to show everything at once.
  package var mayGoOn: Bool { stopped == nil && (standing.isEmpty || isDryRun) }

  /// The target may be written to now. Of a dry run: it could have been.
  package var isPromoted: Bool { isComplete && stopped == nil && standing.isEmpty }

  package var exitCode: ExitCode {
    if isPromoted { return .clean }
    if let stopped { return stopped }
    return isUnreachable ? .project : .incomplete
  }

  mutating func add(_ phase: PromotionPhase, _ facts: [String]) {
    phases.append((phase, facts.map(LogLine.printable)))
  }

  mutating func obstruct(_ phase: PromotionPhase, _ sentence: String, isAcceptable: Bool) {
    obstacles.append(
      PromotionObstacle(
        phase: phase, sentence: LogLine.printable(sentence), isAcceptable: isAcceptable))
  }

  /// The obstacles of one phase.
  package func obstacles(in phase: PromotionPhase) -> [PromotionObstacle] {
    obstacles.filter { $0.phase == phase }
  }
}
