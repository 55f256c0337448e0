/// When the status is written to its file, and what: at most every two seconds when something has changed, and
/// every ten seconds in any case, so that its age tells whether the daemon works.
package struct StatusFile: Sendable {
  package static let shortest = Duration.seconds(2)
  package static let longest = Duration.seconds(10)
  /// Older than this it tells that the daemon makes no progress.
  package static let ageLimit = Duration.seconds(30)

  private var written: (status: MirrorStatus, time: Duration)?

  package init() {}

  /// Beside the state, whose lock tells whether a process runs.
  package static func path(statePath: String) -> String { statePath + ".status" }

  /// What to write now; nil: nothing. The bytes count as written.
  ///
  /// - Parameter time: of a clock that never jumps, from any beginning.
  package mutating func next(_ status: MirrorStatus, time: Duration) -> [UInt8]? {
    if let written {
      let pause = time - written.time
      var unchanged = written.status
      unchanged.takenAt = status.takenAt
      guard pause >= (unchanged == status ? Self.longest : Self.shortest) else { return nil }
    }
    written = (status, time)
    return Self.bytes(status)
  }

  /// The file's content.
  package static func bytes(_ status: MirrorStatus) -> [UInt8] { StatusJSON.bytes(status) + [0x0A] }
}
