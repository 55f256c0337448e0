import Supabase

extension TableState {
  /// Whether rows were copied, as far as the state knows.
  private var isBegun: Bool {
    checkpoint != nil || scan != nil || backfill != nil || isCopiedWhole || readsAll
  }

  /// What of this is still true for a table that is mirrored by this plan from now on.
  ///
  /// It is to be durable before the first row is written: a column that is left out from now on, and comes back, is
  /// empty in rows that were written meanwhile.
  package func adapted(to plan: TablePlan) -> TableState {
    var state = adapted(field: plan.field.column, keyColumns: plan.keyColumns)
    let earlier = state.shape ?? state.columns.map { plan.shape.of($0) }
    if state.readsAll, !readsAll {
      state.copyReason = "passes follow another column, or keys are others"
    } else if let earlier, let reason = plan.shape.reasonToCopyAgain(since: earlier) {
      state = state.toBeCopiedAgain(because: reason)
    } else if let columns = state.columns, Set(plan.columns).isSubset(of: columns) {
      // Fewer of them are no less on the target than before.
      state.columns = plan.columns
    }
    state.shape = plan.shape
    return state
  }

  /// What is still true when the target may lack anything of the table, whatever its versions say. Refused keys stay,
  /// so that none is forgotten.
  package func toBeCopiedAgain(because reason: String) -> TableState {
    guard isBegun else { return self }
    var fresh = TableState(field: field, keyColumns: keyColumns)
    fresh.shape = shape
    fresh.quarantine = quarantine
    fresh.heldDeletes = heldDeletes
    fresh.readsAll = true
    fresh.copyReason = copyReason ?? reason
    return fresh
  }
}
