package import Supabase

/// What a mirror that runs beside a comparison has done of late.
package struct MirrorActivity: Hashable, Sendable {
  private let isRunning: Bool
  /// When its last pass over the table began that has ended, microseconds since 2000-01-01.
  private let lastPassBegan: Int64?

  /// No mirror runs.
  package static let none = MirrorActivity(isRunning: false, lastPassBegan: nil)

  package init(isRunning: Bool, lastPassBegan: Int64?) {
    self.isRunning = isRunning
    self.lastPassBegan = lastPassBegan
  }

  /// As a running daemon tells. While a pass runs that will be awaited.
  package init(_ status: MirrorStatus, _ table: TableName) {
    isRunning = true
    let reconciled = status.tables.first { $0.name == table }?.lastReconcile
    lastPassBegan = status.pass.lastStart.flatMap { began in
      reconciled.map { $0 >= began } ?? false ? began : nil
    }
  }

  func pass(since time: Int64) -> Suspect.MirrorPass {
    guard isRunning else { return .none }
    return lastPassBegan.map { $0 > time } ?? false ? .ended : .awaited
  }
}
