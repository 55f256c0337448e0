import Supabase

/// What the feed has left a lane to do.
struct LaneFeed {
  var signals: Signals
  /// Whether keys were not taken in since the table was last reconciled: only a pass tells what changed then.
  var hasGap = false
  /// Rows whose parents were not there yet, and how often they were tried.
  var afterParents: [RowKey: Int] = [:]
  var deletes = FeedDeletes.off
  /// Rows deleted on the feed's evidence since the last pass; they count towards that pass's limit.
  var deletedSincePass = 0
  /// Source commit to durable on the target, of the batch written last.
  var lag: Duration?

  /// A row's parents are a moment behind it, or its parents' lane is busy; then it is quarantined.
  static let triesAfterParents = 5

  var hasWork: Bool { !signals.isEmpty || !afterParents.isEmpty }
}

/// What evidence from the feed is good for.
enum FeedDeletes: Hashable, Sendable {
  /// Deletes are left alone.
  case off
  /// Rows are deleted as soon as their absence is seen.
  case atOnce
  /// Other tables refer to this one, so the target could cascade: passes delete, children before parents.
  case inPass
  /// The same, and without a ledger no pass can.
  case never
}

/// What a lane needs a pass for.
enum PassNeed: Hashable, Sendable {
  /// The rows of one table, because keys were not taken in.
  case rows(TableName)
  /// Everything, deletes included.
  case all
}
