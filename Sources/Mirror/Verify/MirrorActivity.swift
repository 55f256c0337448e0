package import Supabase

/// What a mirror that runs beside a comparison has done of late.
package struct MirrorActivity: Hashable, Sendable {
  private let isRunning: Bool
  /// Begin and end of its last pass over the table, microseconds since 2000-01-01.
  private let lastPass: ClosedRange<Int64>?

  /// No mirror runs.
  package static let none = MirrorActivity(isRunning: false, lastPass: nil)

  package init(isRunning: Bool, lastPass: ClosedRange<Int64>?) {
    self.isRunning = isRunning
    self.lastPass = lastPass
  }

  /// As a running daemon tells.
  package init(_ status: MirrorStatus, _ table: TableName) {
    isRunning = true
    guard let ended = status.tables.first(where: { $0.name == table })?.lastReconcile,
      let elapsed = status.pass.lastElapsed
    else {
      lastPass = nil
      return
    }
    let began = ended - Int64(elapsed / .microseconds(1))
    lastPass = min(began, ended)...ended
  }

  func pass(since time: Int64) -> Suspect.MirrorPass {
    guard isRunning else { return .none }
    return lastPass.map { $0.lowerBound > time } ?? false ? .ended : .awaited
  }
}
