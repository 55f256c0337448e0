/// What `supamirror status` says: a decision over what is on the disk, asking no project.
package struct StatusAnswer: Sendable {
  /// For standard output; empty where there is nothing to show.
  package private(set) var output = ""
  /// For standard error.
  package private(set) var problem: String?
  /// 0: ready. 1: it needs attention or is not ready. 2: no status there. 3: the daemon does not run, or makes no
  /// progress.
  package private(set) var exitCode: ExitCode

  package enum Form: Hashable, Sendable { case text, colouredText, json }

  /// - Parameters:
  ///   - bytes: the status file's; nil where there is none.
  ///   - lock: who holds the state's lock; nil: nobody.
  ///   - now: microseconds since 2000-01-01.
  package init(_ bytes: [UInt8]?, path: String, lock: StateLock?, now: Int64, form: Form) {
    let process = lock?.process.map { "process \($0)" } ?? "a process"
    guard let bytes else {
      exitCode = .configuration
      problem =
        lock == nil
        ? "\(path): there is no status; start `supamirror`, or name its state with --state"
        : "\(path): there is no status yet, though \(process) uses the state: a single pass writes none"
      return
    }
    let status: MirrorStatus
    do {
      status = try StatusJSON.read(bytes)
    } catch {
      exitCode = .configuration
      problem =
        "\(path): the status cannot be read (\(error)); another version of supamirror may have written it"
      return
    }
    let age = Duration.microseconds(max(0, now - status.takenAt))
    if form == .json {
      let reading = StatusJSON.Reading(
        isRunning: lock != nil, process: lock?.process, age: age)
      output = String(decoding: StatusJSON.bytes(status, reading: reading), as: UTF8.self) + "\n"
    } else {
      let text = StatusText(status)
      output = form == .colouredText ? text.coloured : text.plain
    }
    let told = SpokenTime.span(from: status.takenAt, to: now)
    if lock == nil {
      exitCode = .project
      problem = "the daemon does not run; this was so \(told) ago"
    } else if age > StatusFile.ageLimit {
      exitCode = .project
      problem = "the daemon makes no progress: \(process) runs, but its status is \(told) old"
    } else {
      let isFine = Readiness(status).isReady && Verdict(status).level < .warning
      exitCode = isFine && status.problems.isEmpty ? .clean : .incomplete
      if form != .json { output += "\n\(Verdict.sentence("\(process) runs; as of \(told) ago"))\n" }
    }
  }
}

/// That a process holds the state's lock.
package struct StateLock: Hashable, Sendable {
  /// nil where it cannot be told.
  package let process: Int?

  package init(process: Int?) { self.process = process }
}
