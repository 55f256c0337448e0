import Supabase

/// The deletes that a person approved while a daemon runs: `supamirror --cron --approve-deletes` leaves them beside the
/// state for the daemon's next pass, as no second process may use the state.
package struct Approvals: Sendable {
  /// One approval a line: `schema.table` or `all`.
  package static func path(statePath: String) -> String { "\(statePath).approve" }

  package static func bytes(_ approval: DeleteApproval) -> [UInt8] {
    switch approval {
    case .none: []
    case .all: Array("all\n".utf8)
    case .tables(let names): Array(names.sorted().map { "\($0)\n" }.joined().utf8)
    }
  }

  /// What cannot be read approves nothing.
  package static func read(_ bytes: [UInt8]) -> DeleteApproval {
    guard let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n") else {
      return .none
    }
    let names = Set(text.split(separator: "\n").map(String.init))
    if names == ["all"] { return .all }
    return names.isEmpty || names.contains("all") ? .none : .tables(names)
  }
}
