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
    var progress: Progress
    /// Whether the terminal's last line is one of progress, to be written over.
    var showsProgress = false
  }

  init(_ arguments: Arguments, _ variables: [String: String]) {
    format = arguments.logFormat
    level = arguments.logLevel
    isTerminal =
      StandardStream.error.isTerminal && variables["TERM"] != "dumb" && format == .text
    isColoured = isTerminal && (variables["NO_COLOR"] ?? "").isEmpty
    isWorkflow = variables["GITHUB_ACTIONS"] == "true"
    summaryPath = variables["GITHUB_STEP_SUMMARY"].flatMap { $0.isEmpty ? nil : $0 }
    state = Locked(State(progress: Progress(isTerminal: isTerminal)))
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
      StandardStream.error.write(Self.clearing(&state) + line + "\n")
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
            Self.clearing(&state) + "supamirror: \(LogLine.printable(problem))\n")
          if isWorkflow {
            StandardStream.output.write(LogLine.workflowCommand(.error, problem) + "\n")
          }
        }
      }
    }
  }

  /// May be called for every page, from any thread.
  func progress(_ table: TableName, _ rows: Int) {
    let time = ContinuousClock.now - start
    let line = state.withLock { state -> Progress.Line? in
      guard let line = state.progress.note(table, rows: rows, time: time) else { return nil }
      guard isTerminal else { return line }
      StandardStream.error.write("\r\u{1B}[K\(line.text)")
      state.showsProgress = true
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

  /// The pass's end: the report on standard output and on the workflow's summary page.
  func show(_ report: PassReport) {
    state.withLock { StandardStream.error.write(Self.clearing(&$0)) }
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
    state.withLock { StandardStream.error.write(Self.clearing(&$0)) }
    StandardStream.output.write(text)
  }

  /// The full status, as `SIGUSR1` asks for it.
  func show(_ status: MirrorStatus) {
    state.withLock { state in
      StandardStream.error.write(Self.clearing(&state))
      switch format {
      case .text: StandardStream.error.write(StatusText(status).plain)
      case .json:
        StandardStream.error.write(
          String(decoding: StatusJSON.bytes(status), as: UTF8.self) + "\n")
      }
    }
  }

  private static func clearing(_ state: inout State) -> String {
    defer { state.showsProgress = false }
    return state.showsProgress ? "\r\u{1B}[K" : ""
  }
}
