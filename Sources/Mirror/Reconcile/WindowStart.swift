package import JSON

/// Where a pass begins that tells rows by their versions, and nothing that it knows about older rows is lost on.
package struct WindowStart: Hashable, Sendable {
  package let stage: Scan.Stage
  /// Inclusive; nil is the very start.
  package let bound: JSONToken?
  /// Rows of older versions will not be looked at.
  package let least: Int64

  /// - Parameter lookback: on the field's line.
  /// - Returns: nil where versions do not tell what is on the target: the kind of the field, a first pass, columns
  ///   that were not copied before.
  init?(_ state: TableState, _ plan: TablePlan, _ limits: PassLimits, lookback: Int64) {
    let field = plan.field
    guard field.tellsVersions, !state.readsAll, state.columns == plan.columns,
      let checkpoint = state.checkpoint, let position = field.position(of: checkpoint)
    else { return nil }
    let held = limits.heldHorizon == nil ? nil : state.held
    switch position {
    case .beforeAll:
      bound = nil
      least = .min
    case .at(let time) where held?.checkpoint == checkpoint:
      bound = checkpoint
      if held?.isPassed == true {
        stage = .beyond(checkpoint)
        least = time + 1
        return
      }
      least = time
    case .at, .afterAll:
      let start = position.moved(back: lookback)
      bound = field.token(at: start)
      least = if case .at(let time) = start { time } else { .max }
    }
    stage = .from(bound)
  }
}
