import Supabase

/// The lanes of one mirror. They outlive a pass, so that passes and the feed meet in the same lane and never write
/// one table side by side.
actor Lanes {
  let surroundings: Lane.Surroundings
  private let begun: @Sendable (Lane) -> Void
  private var lanes: [TableName: Lane] = [:]
  /// What passes have carried so far.
  private(set) var sequences = CarriedSequences()

  /// - Parameter begun: told of every new lane.
  init(_ surroundings: Lane.Surroundings, begun: @escaping @Sendable (Lane) -> Void = { _ in }) {
    self.surroundings = surroundings
    self.begun = begun
  }

  /// The table's lane, ready for a pass. One whose plan has changed is replaced once its work has ended.
  func begin(_ plan: TablePlan, _ triggers: TableTriggers) async throws(LaneStop) -> Lane {
    let before = await surroundings.store.state(of: plan.name)?.triggers ?? []
    if let reason = triggers.reasonToCopyAgain(since: before) {
      try await park(plan.name, because: reason)
    }
    if let known = lanes[plan.name] {
      if known.plan == plan {
        await known.beginPass()
        await known.note(triggers)
        return known
      }
      await known.retire()
      // Keys that waited in it, and evidence of deletes among them, are forgotten.
      await surroundings.needsPass(.all)
    }
    let state = await surroundings.store.state(of: plan.name)
    let lane = Lane(plan, surroundings, state: state)
    lanes[plan.name] = nil
    await lane.note(triggers)
    try await lane.adopt()
    lanes[plan.name] = lane
    begun(lane)
    return lane
  }

  /// The table cannot be mirrored as it is now: nothing is read or written of it, also not for the feed, until a pass
  /// begins it again. What it is then may be another table, so everything is copied again.
  func park(
    _ table: TableName, because reason: String = "it did not fit on both sides for a while"
  ) async throws(LaneStop) {
    await lanes.removeValue(forKey: table)?.retire()
    let store = surroundings.store
    guard let state = await store.state(of: table) else { return }
    do {
      try await store.set(state.toBeCopiedAgain(because: reason), of: table)
    } catch {
      throw .state(error.description)
    }
  }

  func lane(of table: TableName) -> Lane? { lanes[table] }

  var all: [Lane] { Array(lanes.values) }

  /// Whole passes only do this, and there is one at a time.
  func setSequences(_ carried: CarriedSequences) { sequences = carried }

  /// Ends the lanes of tables that are no longer configured.
  func keep(_ tables: Set<TableName>) async {
    for (name, lane) in lanes where !tables.contains(name) {
      lanes[name] = nil
      await lane.retire()
    }
  }
}
