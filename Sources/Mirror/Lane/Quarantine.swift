import JSON
import Supabase

extension Lane {
  /// Sets refused rows aside, durable with the next `save`.
  ///
  /// - Throws: where there would be too many: something is wrong with the table then, not with rows. The
  ///   checkpoint has not passed them.
  func refuse(_ refusals: [Refusal]) throws(LaneStop) {
    guard let first = refusals.first else { return }
    let limit = surroundings.settings.quarantineLimit
    let added = refusals.count { state.quarantine[$0.key] == nil }
    guard state.quarantine.count + added <= limit else {
      throw .table(
        "the target refuses more than \(limit) rows of \(plan.name), last because: "
          + "\(first.reason); mend the cause on the target, or raise SYNC_QUARANTINE_LIMIT. The "
          + "checkpoint stays before them")
    }
    for refusal in refusals {
      let known = state.quarantine[refusal.key]
      state.quarantine[refusal.key] = QuarantinedRow(
        code: refusal.code, reason: refusal.reason, attempts: (known?.attempts ?? 0) + 1,
        since: known?.since ?? surroundings.now())
    }
    // Every pass tries them again.
    guard added > 0 else { return }
    surroundings.log.warning(
      "rows quarantined",
      [
        "table": plan.name.description, "rows": "\(added)", "code": first.code,
        "reason": first.reason,
      ])
  }

  /// Tries the quarantined rows again, as they are now at the source.
  /// - Returns: how many left the quarantine.
  func retryQuarantine() async throws(LaneStop) -> Int {
    let before = state.quarantine.count
    let keys = state.quarantine.sorted { $0.value.since < $1.value.since }.map(\.key)
    let step = size.rows
    for start in stride(from: 0, to: keys.count, by: step) {
      let chunk = Array(keys[start..<min(start + step, keys.count)])
      let found = try await sourceRows(chunk)
      // A row that is gone is the ledger's to delete; there is nothing left to write.
      for key in found.absent { state.quarantine[key] = nil }
      for page in found.pages {
        report.read += page.count
        let pageKeys = try self.keys(of: page, page.rows.indices)
        let outcome = try await write(page, Array(page.rows.indices))
        let refused = Set(outcome.refusals.map(\.key))
        for key in pageKeys where !refused.contains(key) { state.quarantine[key] = nil }
        report.upserted += outcome.written
        try refuse(outcome.refusals)
      }
      try await save()
    }
    return before - state.quarantine.count
  }
}
