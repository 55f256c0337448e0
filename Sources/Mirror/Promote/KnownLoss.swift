import JSON
package import Supabase

/// What is known to be missing on the target when the source cannot be asked any more.
package struct KnownLoss: Hashable, Sendable {
  /// Everything that was committed at the source before this is on the target, but for what is listed below.
  /// Microseconds since 2000-01-01.
  package private(set) var provenAt: Int64?
  /// What tells so.
  package private(set) var proof = ""
  /// Keys that the feed had named and nobody had looked at yet.
  package private(set) var waiting = 0
  package private(set) var quarantined = 0
  package private(set) var heldDeletes = 0
  /// Tables of which nothing had been copied, or the first copy had not come to its end.
  package private(set) var unfinished: [TableName] = []

  /// - Parameter status: what the daemon wrote last; nil where there was none.
  package init(
    _ tables: [TableName], states: [TableName: TableState], status: MirrorStatus?
  ) {
    for table in tables {
      let state = states[table]
      quarantined += state?.quarantine.count ?? 0
      heldDeletes += state?.heldDeletes ?? 0
      if state?.checkpoint == nil || state?.readsAll == true || state?.backfill != nil {
        unfinished.append(table)
      }
    }
    if let status {
      waiting = status.tables.reduce(0) { $0 + $1.waiting }
      prove(status)
    }
    guard provenAt == nil else { return }
    // Rows up to a checkpoint had been copied; what was written to other tables meanwhile is not known.
    let times = states.filter { tables.contains($0.key) }.values
      .compactMap { $0.checkpoint?.string.flatMap(TimeText.microseconds) }
    guard let newest = times.max() else { return }
    provenAt = newest
    proof = "the newest checkpoint"
  }

  private mutating func prove(_ status: MirrorStatus) {
    var proofs: [(time: Int64, proof: String)] = []
    if let end = status.pass.lastClean {
      let elapsed = status.pass.lastElapsed ?? .zero
      proofs.append(
        (end - elapsed.microseconds, "the start of the last pass that left nothing out"))
    }
    if let marker = status.lags.last {
      let written = marker.time - marker.lag.microseconds
      // What came before a gap in the feed was seen; what came in it was not.
      proofs.append(
        (
          min(written, status.feed.gapSince ?? written),
          "the last marker row that reached the target"
        ))
    }
    guard let best = proofs.max(by: { $0.time < $1.time }) else { return }
    provenAt = best.time
    proof = best.proof
  }

  /// For the operator.
  package func sentences(now: Int64) -> [String] {
    var sentences: [String] = []
    if let provenAt {
      let seconds = max(0, now - provenAt) / 1_000_000
      sentences.append(
        "what the source committed in its last \(ReportText.grouped(Int(seconds))) seconds may be lost: "
          + "everything before \(SpokenTime.stamp(provenAt)) is known to have arrived "
          + "(\(proof)); how many rows came later is known to nobody but the source")
    } else {
      sentences.append(
        "how much is lost cannot be told: there is no status and no checkpoint of this mirror")
    }
    for (count, what) in [
      (waiting, "changed keys had been reported and not been looked at"),
      (quarantined, "rows had been refused by the target and are not there"),
      (heldDeletes, "deletes were held: these rows are still on the target"),
    ] where count > 0 {
      sentences.append("\(ReportText.grouped(count)) \(what)")
    }
    if !unfinished.isEmpty {
      sentences.append(
        "never copied to the end: \(unfinished.map(\.description).joined(separator: ", "))")
    }
    return sentences
  }
}
