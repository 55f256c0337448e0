import Supabase

extension Promotion {
  /// Triggers that are off while the target is a copy, and have work to do from now on.
  func findTriggers(
    _ sides: PromotionSides, _ report: inout PromotionReport
  ) async throws(LaneStop) {
    guard sides.target.functions.contains(SequenceFunction.disabledTriggers) else {
      report.add(
        .triggers,
        [
          "the target has no function \(SequenceFunction.disabledTriggers): look by hand for triggers "
            + "that are disabled"
        ])
      return
    }
    let names = Set(tables.map(\.name))
    var off = try await target.disabledTriggers().filter { names.contains($0.table) }
    var offAtSource: Set<DisabledTrigger> = []
    if sides.source?.functions.contains(SequenceFunction.disabledTriggers) == true {
      offAtSource = Set(try await source.disabledTriggers())
    }
    let both = off.filter { offAtSource.contains($0) }
    off.removeAll { offAtSource.contains($0) }
    report.triggers = off.map(\.sql)
    var facts = [
      off.isEmpty
        ? "none of the target's is disabled that is not at the source"
        : "\(off.count) of the target's are disabled; run there, as the owner of the tables:"
    ]
    facts += report.triggers
    if !both.isEmpty {
      facts.append(
        "disabled on both sides, and left so: \(both.map(\.name).joined(separator: ", "))")
    }
    report.add(.triggers, facts)
  }

  /// What the mirror still knew to be unfinished, and what it cannot know.
  func listRest(
    _ sides: PromotionSides, _ report: inout PromotionReport
  ) async throws(LaneStop) {
    for table in tables {
      guard let state = await store.state(of: table.name) else { continue }
      if !state.quarantine.isEmpty {
        let reason = state.quarantine.values.max { $0.since < $1.since }?.reason ?? ""
        report.rest.append(
          "\(table.name): \(ReportText.grouped(state.quarantine.count)) rows that the target refused are "
            + "missing there (last: \(reason)); \(settings.statePath) has their keys")
      }
      if state.heldDeletes > 0 {
        report.rest.append(
          "\(table.name): \(ReportText.grouped(state.heldDeletes)) rows whose deletes are held are still "
            + "there; delete them by hand if the deletes were meant")
      }
    }
    if !report.triggers.isEmpty {
      report.rest.append("the triggers above are still disabled")
    }
    let cached = report.goals.filter { $0.isCached && $0.isBehind }.map(\.user).sorted()
    if !cached.isEmpty {
      report.rest.append(
        "sessions on the target that took numbers ahead (sequences with a cache) give those out first: "
          + "open their connections anew; \(cached.map(\.description).joined(separator: ", "))")
    }
    report.rest.append(
      "not looked for: sequences that only triggers or functions call, auth users, storage, secrets, "
        + "scheduled jobs and edge functions")
    report.add(.rest, report.rest)
  }

  func describeReverse(
    _ sides: PromotionSides, _ report: inout PromotionReport
  ) async throws(LaneStop) {
    let reverse = ReverseMirror(
      settings, name: store.identity.name, environmentPath: circumstances.environmentPath)
    report.reverse = reverse
    report.add(.reverse, ["the mirror in the other direction, \(ReverseMirror.path):"])
  }
}
