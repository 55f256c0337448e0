package import Mirror
import Transport

/// Keeps the status file fresh beside the state. The process that runs it holds the state's lock.
package struct StatusFileWriter: Sendable {
  private let file: SnapshotFile
  private let status: @Sendable () async -> MirrorStatus
  private let log: Log

  package init(statePath: String, status: @escaping @Sendable () async -> MirrorStatus, log: Log) {
    file = SnapshotFile(StatusFile.path(statePath: statePath))
    self.status = status
    self.log = log
  }

  /// Until the task is cancelled; then a last time, so that what is read afterwards is how it ended. A file that
  /// cannot be written is told once and tried again: the mirror goes on.
  @concurrent package func run() async {
    var schedule = StatusFile()
    var hasFailed = false
    let start = ContinuousClock.now
    while true {
      if let bytes = schedule.next(await status(), time: ContinuousClock.now - start) {
        write(bytes, &hasFailed)
      }
      do {
        try await Task.sleep(for: StatusFile.shortest)
      } catch {
        break
      }
    }
    write(StatusFile.bytes(await status()), &hasFailed)
  }

  private func write(_ bytes: [UInt8], _ hasFailed: inout Bool) {
    do {
      try file.replace(with: bytes)
      hasFailed = false
    } catch {
      if !hasFailed { log.warning("status file not written", ["reason": "\(error)"]) }
      hasFailed = true
    }
  }
}
