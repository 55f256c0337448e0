import Mirror
import Supabase
import Transport

/// Standard output and error: the report on one, log and progress on the other.
final class Console: Sendable {
  private let format: Arguments.LogFormat
  private let level: LogEvent.Level
  private let isTerminal: Bool
  private let isColoured: Bool
  /// Under GitHub Actions warnings and errors are also written as workflow commands.
  private let isWorkflow: Bool
  private let summaryPath: String?
  private let start = ContinuousClock.now
  private let state: Locked<State>

  private struct State {
    /// Of passes that read what changed.
    var progress: Progress
    var verifyProgress: VerifyProgress
    /// Of whole tables.
    var copy = CopyProgress()
    var copyShown: Duration?
    /// Whether it stands on the terminal.
    var showsCopy = false
    /// Progress on a terminal.
    var panel = TerminalPanel()
  }

  init(_ arguments: Arguments, _ variables: [String: String]) {
    format = arguments.logFormat
    level = arguments.logLevel
    isTerminal =
      StandardStream.error.isTerminal && variables["TERM"] != "dumb" && format == .text
    isColoured = isTerminal && (variables["NO_COLOR"] ?? "").isEmpty
    isWorkflow = variables["GITHUB_ACTIONS"] == "true"
    summaryPath = variables["GITHUB_STEP_SUMMARY"].flatMap { $0.isEmpty ? nil : $0 }
    state = Locked(
      State(
        progress: Progress(isTerminal: isTerminal),
        verifyProgress: VerifyProgress(isTerminal: isTerminal)))
  }

  var log: Log { Log { self.write($0) } }

  private func write(_ event: LogEvent) {
    guard event.level >= level else { return }
    let time = WallClock.system.now()
    let line =
      switch format {
      case .text: LogLine.text(event, time: time, isColoured: isColoured)
      case .json: LogLine.json(event, time: time)
      }
    state.withLock { state in
      StandardStream.error.write(state.panel.above(line + "\n"))
      if isWorkflow, let command = LogLine.workflowCommand(event) {
        StandardStream.output.write(command + "\n")
      }
    }
  }

  /// Says why nothing was begun.
  func refuse(_ problems: [String]) {
    for problem in problems {
      switch format {
      case .json: log.error("cannot start", ["reason": problem])
      case .text:
        state.withLock { state in
          StandardStream.error.write(
            state.panel.clear() + "supamirror: \(LogLine.printable(problem))\n")
          if isWorkflow {
            StandardStream.output.write(LogLine.workflowCommand(.error, problem) + "\n")
          }
        }
      }
    }
  }

  /// Names a table that is going to be copied whole.
  func expect(_ table: TableName, rows: Int, estimate: Int?) {
    state.withLock { $0.copy.expect(table, rows: rows, estimate: estimate) }
  }

  /// May be called for every page, from any thread.
  func progress(_ progress: TableProgress) {
    let time = ContinuousClock.now - start
    let isOfCopy = state.withLock { state in
      let isOfCopy = progress.isBackfill || state.copy.awaits(progress.table)
      if isOfCopy { state.copy.note(progress, at: time) }
      return isOfCopy
    }
    if isOfCopy { return showCopy(time) }
    let line = state.withLock { state -> Progress.Line? in
      guard !state.copy.isAtWork,
        let line = state.progress.note(progress.table, rows: progress.rows, time: time)
      else { return nil }
      guard isTerminal else { return line }
      StandardStream.error.write(state.panel.draw([line.text]))
      return nil
    }
    guard let line else { return }
    log.info(
      "copying",
      [
        "table": line.table.description, "rows": "\(line.rows)",
        "rows.per_second": "\(line.rowsPerSecond)",
      ])
  }

  /// Time has gone on: what is shown of it may be old.
  func tick() { showCopy(ContinuousClock.now - start) }

  /// At most ten times a second on a terminal, else a line every ten seconds.
  private func showCopy(_ time: Duration) {
    let pause = isTerminal ? Duration.milliseconds(100) : .seconds(10)
    let event = state.withLock { state -> LogEvent? in
      guard state.copy.isAtWork else {
        // The last table's end.
        if state.showsCopy { StandardStream.error.write(state.panel.clear()) }
        state.showsCopy = false
        return nil
      }
      guard time - (state.copyShown ?? .zero) >= pause else { return nil }
      state.copyShown = time
      guard isTerminal else { return state.copy.logEvent(at: time) }
      let size = StandardStream.error.size ?? (columns: 80, rows: 24)
      let lines = CopyProgressText(state.copy, at: time).lines(
        columns: size.columns, rows: size.rows, isColoured: isColoured)
      StandardStream.error.write(state.panel.draw(lines))
      state.showsCopy = true
      return nil
    }
    if let event { log.write(event) }
  }

  /// Whether progress is shown as a bar, which needs to know the whole.
  var showsBars: Bool { isTerminal }

  /// The same for a comparison; `all` is how many rows the table has, where that is known.
  func verifyProgress(
    _ table: TableName, _ rows: Int, _ all: Int?, isRepair: Bool = false
  ) {
    let time = ContinuousClock.now - start
    let line = state.withLock { state -> VerifyProgress.Line? in
      guard let line = state.verifyProgress.note(table, rows: rows, of: all, time: time) else {
        return nil
      }
      guard isTerminal else { return line }
      StandardStream.error.write(
        state.panel.draw([line.text(isRepair ? "repaired" : "compared")]))
      return nil
    }
    guard let line else { return }
    log.info(
      isRepair ? "repairing" : "comparing",
      [
        "table": line.table.description, "rows": "\(line.rows)",
        "rows.per_second": "\(line.rowsPerSecond)",
      ])
  }

  /// A comparison's end.
  func show(_ report: VerificationReport, _ arguments: Arguments) throws(FileError) {
    state.withLock { StandardStream.error.write($0.panel.clear()) }
    let text = VerificationText(report, showsKeys: arguments.showsKeys)
    if arguments.wantsJSON || format == .json {
      StandardStream.output.write(report.json(showsKeys: arguments.showsKeys) + "\n")
    } else {
      StandardStream.output.write(text.plain)
    }
    if let path = arguments.markdownPath {
      try SnapshotFile(path).replace(with: Array(text.markdown.utf8))
    }
    if isWorkflow, report.exitCode != .clean {
      StandardStream.output.write(LogLine.workflowCommand(.error, text.verdict) + "\n")
    }
  }

  /// The pass's end: the report on standard output and on the workflow's summary page.
  func show(_ report: PassReport) {
    state.withLock { StandardStream.error.write($0.panel.clear()) }
    let text = ReportText(report)
    switch format {
    case .text: StandardStream.output.write(text.plain)
    case .json: StandardStream.output.write(report.json + "\n")
    }
    if let summaryPath {
      do {
        try AppendedFile(summaryPath).append(text.markdown)
      } catch {
        log.warning("summary not written", ["reason": "\(error)"])
      }
    }
    if isWorkflow, let annotation = text.annotation {
      StandardStream.output.write(LogLine.workflowCommand(.error, annotation) + "\n")
    }
  }

  /// A part of a command's answer, for standard output.
  func show(_ text: String) {
    state.withLock { StandardStream.error.write($0.panel.clear()) }
    StandardStream.output.write(text)
  }

  /// What copying whole tables would read.
  func show(_ forecast: BackfillForecast) {
    StandardStream.output.write(format == .json ? forecast.json + "\n" : forecast.plain)
  }

  /// The full status, as `SIGUSR1` asks for it.
  func show(_ status: MirrorStatus) {
    state.withLock { state in
      StandardStream.error.write(state.panel.clear())
      switch format {
      case .text: StandardStream.error.write(StatusText(status).plain)
      case .json:
        StandardStream.error.write(
          String(decoding: StatusJSON.bytes(status), as: UTF8.self) + "\n")
      }
    }
  }
}
