import JSON
import Supabase

extension CheckReport {
  /// For people: a line for each project and table, and below it what is wrong with it, why that matters, and how it is
  /// mended. Ends with a line end.
  package func text(isColoured: Bool) -> String {
    var text = ""
    let general = findings.filter { $0.project == nil && $0.table == nil }
    if !general.isEmpty { text += block("configuration", general, isColoured) }
    for role in ["source", "target"] {
      let own = findings.filter { $0.project == role && $0.table == nil }
      let fact = facts.first { $0.project == role }?.text
      if fact == nil, own.isEmpty { continue }
      text += block(role + (fact.map { ": \($0)" } ?? ""), own, isColoured)
    }
    // Nothing is known of tables where a project could not be reached.
    if facts.count == 2 {
      for table in tables {
        let own = findings.filter { $0.table == table }
        text += block(LogLine.printable(table.description), own, isColoured)
      }
    }
    for sentence in unseen {
      text += Self.wrapped("? Not seen: \(sentence).", first: "", rest: "  ")
    }
    let roles: [String] = ["source", "target"]
    let places = roles.filter { role in
      findings.count { $0.sql != nil && $0.project == role } > 1
    }
    for role in places {
      text += "\nAll SQL for the \(role) at once: supamirror check --sql \(role)"
    }
    return text + (places.isEmpty ? "" : "\n") + "\n" + verdict + "\n"
  }

  /// The statements that mend one project, each after a comment that says why. Ends with a line end.
  package func sql(for project: String) -> String {
    var text =
      "-- Supamirror: what mends the \(project), as far as SQL does. Read it before you run it: what says\n"
      + "-- \"warning\" may be as you want it.\n"
    for finding in findings where finding.project == project {
      guard let sql = finding.sql else { continue }
      text +=
        "\n-- \(finding.severity.rawValue), \(finding.name.rawValue): "
        + "\(LogLine.printable(finding.what))\n-- \(LogLine.printable(finding.mend))\n\(sql)\n"
    }
    return text
  }

  /// The whole check in one sentence.
  package var verdict: String {
    let problems = count(.problem)
    let warnings = count(.warning)
    if exitCode == .project { return "A project cannot be used." }
    let tables = Self.counted(tables.count, "table")
    if problems > 0 {
      return "\(Self.counted(problems, "thing")) to mend"
        + (warnings > 0 ? ", \(warnings) more to look at" : "") + ", in \(tables)."
    }
    if warnings > 0 {
      return "Ready; \(Self.counted(warnings, "thing")) to look at, in \(tables)."
    }
    return "All is well, in \(tables)."
  }

  private static func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
  }

  private func block(_ title: String, _ findings: [Finding], _ isColoured: Bool) -> String {
    let isBad = findings.contains { $0.severity == .problem }
    let mark =
      isBad
      ? Self.mark(.problem, isColoured)
      : findings.isEmpty
        ? isColoured ? "\u{1B}[32m✓\u{1B}[0m" : "✓" : Self.mark(.warning, isColoured)
    var text = "\(mark) \(title)\n"
    for finding in findings {
      let mark = Self.mark(finding.severity, isColoured)
      text += Self.wrapped(
        LogLine.printable("\(finding.what).") + " [\(finding.name.rawValue)]", first: "  \(mark) ",
        rest: "    ")
      text += Self.wrapped(
        "Why: \(LogLine.printable(finding.why)).", first: "    ", rest: "      ")
      let place = finding.sql == nil ? "" : finding.project.map { "; at the \($0) run" } ?? ""
      text += Self.wrapped(
        "Mend: \(LogLine.printable(finding.mend))\(place)\(finding.sql == nil ? "" : ":")",
        first: "    ", rest: "      ")
      for line in (finding.sql ?? "").split(separator: "\n") {
        text += "      \(LogLine.printable(String(line)))\n"
      }
    }
    return text
  }

  private static func mark(_ severity: Finding.Severity, _ isColoured: Bool) -> String {
    switch severity {
    case .problem: isColoured ? "\u{1B}[31m✗\u{1B}[0m" : "✗"
    case .warning: isColoured ? "\u{1B}[33m!\u{1B}[0m" : "!"
    }
  }

  /// In lines of at most 100 characters, where words allow.
  static func wrapped(_ sentence: String, first: String, rest: String) -> String {
    var lines = ""
    var line = first
    var isEmpty = true
    // Blanks that begin a line count, escapes of colour do not.
    var width = rest.count
    for word in sentence.split(separator: " ") {
      if !isEmpty, width + 1 + word.count > 100 {
        lines += line + "\n"
        line = rest
        width = rest.count
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      width += word.count + 1
      isEmpty = false
    }
    return lines + line + "\n"
  }

  /// The same for programs, as one line without its end.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("problems")
    writer.number(count(.problem))
    writer.name("warnings")
    writer.number(count(.warning))
    writer.name("tables")
    writer.number(tables.count)
    writer.name("findings")
    writer.beginArray()
    for finding in findings { finding.write(to: &writer) }
    writer.endArray()
    writer.name("unseen")
    writer.beginArray()
    for sentence in unseen { writer.string(sentence) }
    writer.endArray()
    writer.endObject()
    return writer.text
  }
}

extension Finding {
  fileprivate func write(to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, text) in [
      ("name", self.name.rawValue), ("severity", severity.rawValue), ("project", project),
      ("schema", table?.schema), ("table", table?.name), ("what", what), ("why", why),
      ("mend", mend), ("sql", sql),
    ] as [(String, String?)] {
      writer.name(name)
      if let text { writer.string(text) } else { writer.null() }
    }
    writer.endObject()
  }
}
