/// A promotion as people read it, phase by phase.
package enum PromotionText {
  /// What a phase found and did, aligned. Ends with a line end.
  package static func phase(_ phase: PromotionPhase, _ report: PromotionReport) -> String {
    var lines = report.phases.last { $0.phase == phase }?.facts ?? []
    for obstacle in report.obstacles(in: phase) {
      let isAccepted = obstacle.isAcceptable && report.acceptsLoss
      lines.append((isAccepted ? "accepted: " : "STANDS IN THE WAY: ") + obstacle.sentence)
    }
    var text = ""
    for (index, line) in lines.enumerated() {
      text += padded(index == 0 ? title(phase) : "") + line + "\n"
    }
    if phase == .reverse, let reverse = report.reverse {
      text += block(reverse.environment.split(separator: "\n").map(String.init))
      text += padded("") + "and then:\n" + block(reverse.commands)
    }
    return text
  }

  /// How it ended, in one line.
  package static func verdict(_ report: PromotionReport) -> String {
    let standing = report.standing
    let prefix = report.isDryRun ? "Dry run, nothing was changed: " : ""
    if report.isPromoted {
      let losses = report.accepted.count
      let accepted =
        losses == 0 ? "" : " \(losses) \(losses == 1 ? "loss was" : "losses were") accepted."
      return prefix
        + (report.isDryRun
          ? "nothing stands in the way." : "Promoted: the target may be written to now.") + accepted
        + "\n"
    }
    let isAcceptable = !standing.isEmpty && standing.allSatisfy(\.isAcceptable)
    return prefix
      + (report.isDryRun ? "it would not be promoted: " : "Not promoted: ")
      + "\(standing.count) \(standing.count == 1 ? "thing stands" : "things stand") in the way"
      + (isAcceptable ? "; --accept-loss goes on all the same.\n" : ".\n")
  }

  private static func title(_ phase: PromotionPhase) -> String {
    phase == .rest ? "by hand" : phase.rawValue
  }

  private static func padded(_ title: String) -> String {
    title + String(repeating: " ", count: max(1, 11 - title.count))
  }

  private static func block(_ lines: [String]) -> String {
    lines.map { "    \($0)\n" }.joined()
  }
}
