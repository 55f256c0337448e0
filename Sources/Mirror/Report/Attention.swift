import Supabase

/// What a report has for a person, in the order of urgency.
struct Attention: Hashable {
  /// What keeps the mirror from being complete, and what to do about it.
  private(set) var problems: [String] = []
  /// What one should know and need do nothing about.
  private(set) var notes: [String] = []

  init(_ report: PassReport) {
    if let stopped = report.stopped { problems.append("The pass stopped: \(stopped)") }
    for table in report.tables {
      if let failure = table.failure { problems.append("\(table.table): \(failure)") }
    }
    for table in report.tables where table.held > 0 {
      problems.append(
        "\(table.table): \(Self.count(table.held, "delete")) held. Look at what happened at the source; "
          + "if it is right, run: supamirror --cron --approve-deletes "
          + Self.shellWord(table.table.description))
    }
    for table in report.tables where table.quarantined > 0 {
      problems.append(
        "\(table.table): \(Self.count(table.quarantined, "row")) in quarantine, refused by the target"
          + (table.quarantineReason.isEmpty ? ". " : " (last: \(table.quarantineReason)). ")
          + "The state file has the keys and reasons; every pass tries them again.")
    }
    problems += report.unmirrored
    for table in report.tables {
      problems += table.unmirrored.map { "\(table.table): \($0)" }
    }
    for table in report.tables { notes += table.notes.map { "\(table.table): \($0)" } }
    problems = problems.map(LogLine.printable)
    notes = notes.map(LogLine.printable)
  }

  private static func count(_ count: Int, _ noun: String) -> String {
    "\(ReportText.grouped(count)) \(noun)\(count == 1 ? "" : "s") \(count == 1 ? "is" : "are")"
  }

  /// Quoted where a shell would not take it for one plain word.
  static func shellWord(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if isPlain { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
