import Supabase

/// What the feed has left a lane to do.
struct LaneFeed {
  var signals: Signals
  /// What has to make up for keys that are not taken in, until a pass begins: only a pass tells what changed.
  var gap: PassNeed?
  /// Rows whose parents were not there yet.
  var afterParents: [RowKey: Orphan] = [:]
  /// Until a pass has said it, only a pass may delete.
  var deletes = FeedDeletes.inPass
  /// Whether a pass can delete.
  var hasLedger = true
  /// Rows deleted on the feed's evidence since the last whole pass; they count towards that pass's limit.
  var deletedSincePass = 0
  /// Rows were written that a reconcile has yet to come across.
  var hasWritten = false
  /// Source commit to durable on the target, of the batch written last.
  var lag: Duration?

  struct Orphan {
    var tries: Int
    /// When it is tried again, since the lane began.
    var due: Duration
  }

  /// A row's parents are a moment behind it, or its parents' lane is busy; then it is quarantined.
  static let triesAfterParents = 5

  /// 40 ms, doubled every time.
  static func pause(after tries: Int) -> Duration { .milliseconds(20) * (1 << tries) }

  var hasWork: Bool { !signals.isEmpty || !afterParents.isEmpty }
  var nextDue: Duration? { afterParents.values.map(\.due).min() }

  /// The keys to look at next: those that were signalled, then those whose parents have had their time.
  mutating func take(atMost most: Int, at now: Duration) -> [Signals.Signal] {
    let signalled = signals.take(atMost: most)
    guard signalled.isEmpty else { return signalled }
    return afterParents.filter { $0.value.due <= now }.prefix(most).map {
      Signals.Signal(key: $0.key, isDelete: false, commitTime: nil, at: now)
    }
  }
}

/// What evidence from the feed is good for.
enum FeedDeletes: Hashable, Sendable {
  /// Deletes are left alone.
  case off
  /// Rows are deleted as soon as their absence is seen.
  case atOnce
  /// Other tables refer to this one, so the target could cascade: passes delete, children before parents.
  case inPass
}

/// What a lane needs a pass for.
enum PassNeed: Hashable, Sendable {
  /// The rows of one table, because keys were not taken in.
  case rows(TableName)
  /// Everything, deletes included.
  case all
}
