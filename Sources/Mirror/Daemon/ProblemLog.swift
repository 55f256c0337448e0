/// What of the problems that passes find is worth a line: each when it appears, and that all have gone. What comes
/// and goes is told a few times an hour, and in the end it is told how it stands.
struct ProblemLog: Sendable {
  static let hour = Duration.seconds(3600)
  static let timesAnHour = 3

  /// Those that were told and stand, by their words.
  private var told: Set<String> = []
  /// When each was told, of the last hour.
  private var times: [String: [Duration]] = [:]

  /// - Parameter problems: all that the last pass found.
  mutating func take(_ problems: [String], at now: Duration) -> [LogEvent] {
    times = times.compactMapValues { times in
      let recent = times.filter { now - $0 < Self.hour }
      return recent.isEmpty ? nil : recent
    }
    let hadTold = !told.isEmpty
    var lines: [LogEvent] = []
    var standing: Set<String> = []
    for problem in problems {
      // Numbers are other ones in every pass.
      let words = problem.filter { !$0.isNumber }
      if told.contains(words) || standing.contains(words) {
        standing.insert(words)
      } else if times[words, default: []].count < Self.timesAnHour {
        times[words, default: []].append(now)
        standing.insert(words)
        lines.append(
          LogEvent(
            level: .warning, message: "needs attention",
            fields: [LogEvent.Field(key: "reason", value: problem)]))
      }
    }
    told = standing
    if problems.isEmpty, hadTold {
      lines.append(
        LogEvent(level: .info, message: "everything is mirrored again", fields: []))
    }
    return lines
  }
}
