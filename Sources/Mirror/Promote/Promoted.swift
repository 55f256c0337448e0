/// That a target has taken over. Its mirror must not run again: it would write rows of the old source over those that
/// came since.
package enum Promoted {
  /// Beside the state.
  package static func path(statePath: String) -> String { statePath + ".promoted" }

  /// The file's content.
  /// - Parameter time: microseconds since 2000-01-01.
  package static func bytes(at time: Int64) -> [UInt8] { Array("\(SpokenTime.stamp(time))\n".utf8) }

  /// Why a mirror does not start.
  package static func refusal(_ bytes: [UInt8], path: String) -> String {
    let time = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    return
      "the target has taken over (\(LogLine.printable(time))): this mirror would write old rows over new "
      + "ones. Use the configuration of the reverse mirror that `supamirror promote` printed. Remove \(path) "
      + "once the reverse mirror was promoted in its turn, or if nothing was written to the target since"
  }
}
