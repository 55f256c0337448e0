import Mirror
import Transport

/// `supamirror status`: reads what the daemon wrote, looks whether it runs, prints.
func showStatus(
  _ statePath: String, _ arguments: Arguments, _ variables: [String: String]
) throws(FileError) -> ExitCode {
  let path = StatusFile.path(statePath: statePath)
  // The lock first: a daemon that ends in between is not taken for one that hangs.
  let lock: StateLock? =
    switch try FileLock.state(of: statePath) {
    case .free: nil
    case .held(let process): StateLock(process: process.map { Int($0) })
    }
  let isColoured =
    StandardStream.output.isTerminal && variables["TERM"] != "dumb"
    && (variables["NO_COLOR"] ?? "").isEmpty
  let form: StatusAnswer.Form =
    if arguments.wantsJSON || arguments.logFormat == .json {
      .json
    } else {
      isColoured ? .colouredText : .text
    }
  let answer = StatusAnswer(
    try SnapshotFile(path).read(), path: path, lock: lock,
    now: WallClock.system.now() + TimeText.unixEpoch, form: form)
  StandardStream.output.write(answer.output)
  if let problem = answer.problem {
    StandardStream.error.write("supamirror: \(LogLine.printable(problem))\n")
  }
  return answer.exitCode
}
