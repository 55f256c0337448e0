import Supabase

/// Projects, feed and passes, side by side.
struct PageFacts {
  private let status: MirrorStatus
  private let now: Int64

  init(_ status: MirrorStatus) {
    self.status = status
    now = status.takenAt
  }

  var html: String {
    """
    <section class="facts" aria-label="Projects, feed and passes">
    \(project("Source", status.source))
    \(project("Target", status.target))
    \(feed)
    \(pass)
    </section>
    """
  }

  private func project(_ role: String, _ project: ProjectStatus) -> String {
    let isUp = project.downSince == nil
    var lines = [Self.place(project.url)]
    if let since = project.downSince { lines.append(Self.line(SpokenTime.since(since, at: now))) }
    if !project.problem.isEmpty { lines.append(Self.line(project.problem)) }
    return Self.fact(role, isUp ? "up" : "unreachable", level: isUp ? .good : .bad, lines)
  }

  private var feed: String {
    let feed = status.feed
    if feed.state == .off {
      return Self.fact("Feed", "off", level: nil, [Self.line("Tables are polled only.")])
    }
    var lines = [Self.line(SpokenTime.since(feed.since, at: now))]
    if !feed.problem.isEmpty, feed.state != .live { lines.append(Self.line(feed.problem)) }
    lines.append(
      Self.line(
        feed.lastProof.map { "last proof \(SpokenTime.age(of: $0, at: now))" } ?? "not proven yet"))
    if let gap = feed.gapSince {
      lines.append(Self.line("gap open \(SpokenTime.since(gap, at: now))"))
    }
    if feed.gapsHealed > 0 {
      let last = feed.lastHealing.map { ", the last in \(SpokenTime.duration($0))" } ?? ""
      lines.append(Self.line("\(ReportText.grouped(feed.gapsHealed)) gaps healed\(last)"))
    }
    lines.append(Self.line("\(ReportText.grouped(feed.events)) changes reported"))
    if feed.missedRows > 0 {
      lines.append(Self.line("\(ReportText.grouped(feed.missedRows)) rows found that it missed"))
    }
    if feed.oddFrames > 0 {
      lines.append(Self.line("\(ReportText.grouped(feed.oddFrames)) frames not understood"))
    }
    let level: Verdict.Level =
      switch feed.state {
      case .live, .off: .good
      case .joining, .disconnected: .busy
      case .unproven: .warning
      }
    return Self.fact("Feed", feed.state.rawValue, level: level, lines)
  }

  private var pass: String {
    let pass = status.pass
    var lines: [String] = []
    if pass.isRunning {
      let span = pass.lastStart.map { " for \(SpokenTime.span(from: $0, to: now))" } ?? ""
      lines.append(Self.line("one runs\(span)"))
    }
    if let end = pass.lastEnd {
      let elapsed = pass.lastElapsed.map { " in \(SpokenTime.duration($0))" } ?? ""
      lines.append(Self.line("last ended \(SpokenTime.age(of: end, at: now))\(elapsed)"))
    }
    if let code = pass.lastExitCode { lines.append(Self.line(code.outcome)) }
    if pass.count > 0, pass.lastExitCode != .clean {
      lines.append(
        Self.line(
          pass.lastClean.map { "last clean \(SpokenTime.age(of: $0, at: now))" }
            ?? "none was clean yet"))
    }
    let failed = pass.failedCount > 0 ? ", \(ReportText.grouped(pass.failedCount)) failed" : ""
    lines.append(Self.line("\(ReportText.grouped(pass.count)) ended\(failed)"))
    let up = SpokenTime.span(from: status.startedAt, to: now)
    lines.append(Self.line("supamirror up for \(up)"))
    let level: Verdict.Level? =
      switch pass.lastExitCode {
      case nil: nil
      case .clean: .good
      case .incomplete: .warning
      case .configuration, .project: .bad
      }
    let word =
      switch level {
      case nil: "none yet"
      case .good: "clean"
      case .warning, .busy: "incomplete"
      case .bad: "failed"
      }
    return Self.fact("Passes", word, level: level, lines)
  }

  private static func fact(
    _ title: String, _ word: String, level: Verdict.Level?, _ lines: [String]
  ) -> String {
    """
    <div><h2>\(title)</h2>
    <p class="state \(level?.rawValue ?? "plain")">\(HTMLText.escaped(word))</p>
    \(lines.joined(separator: "\n"))</div>
    """
  }

  /// Without what all have, and broken at its first dot if it must be.
  private static func place(_ url: String) -> String {
    let name = url.hasPrefix("https://") ? String(url.dropFirst(8)) : url
    return "<p>\(HTMLText.escaped(name).replacing(".", with: "<wbr>.", maxReplacements: 1))</p>"
  }

  private static func line(_ text: String) -> String { "<p>\(HTMLText.escaped(text))</p>" }
}
