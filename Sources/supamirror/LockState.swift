import Mirror
import Transport

/// A daemon or a pass that runs has to end first: two would write the same rows.
/// - Parameter command: that needs the state for itself.
func lockState(_ statePath: String, for command: String) throws -> FileLock {
  do {
    return try FileLock(statePath)
  } catch {
    guard error.isLocked else { throw error }
    let process = error.holder.map { "process \($0)" } ?? "another process"
    throw ConfigurationError([
      "\(process) mirrors with the state \(statePath); stop it (systemctl stop supamirror, where that is "
        + "the daemon), run supamirror \(command) again, then start it again"
    ])
  }
}
