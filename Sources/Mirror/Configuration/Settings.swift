package import Supabase

/// Everything the environment says, checked. One value a mirror; nothing is global.
package struct Settings: Hashable, Sendable {
  package enum InitialBackfill: Hashable, Sendable {
    case all
    case last(Duration)
  }

  package var source: Project
  package var target: Project
  /// `SYNC_MODE=reconcile` or `--cron`: one pass and exit.
  package var isOnePass = false
  package var realtime = true
  package var loop = true
  package var reconcileInterval: Duration = .milliseconds(30_000)
  package var lookback: Duration = .milliseconds(300_000)
  package var batchSize = 500
  package var initialBackfill: InitialBackfill = .last(.milliseconds(86_400_000))
  package var tableConfigPath = "config/tables.config.json"
  package var statePath = ".sync-state.json"
  /// The name this mirror has in the ledger and in `x-supamirror-origin`; nil: made from both URLs.
  package var mirrorName: String?
  /// false: deletes are left alone on purpose, and the ledger is not asked for (`SYNC_DELETES`).
  package var deletes = true
  /// A table's deletes in one pass are held above this many rows (`SYNC_DELETE_LIMIT_ROWS`) …
  package var deleteLimitRows = 1_000
  /// … or above this share of the target's table, in percent, when more than ten (`SYNC_DELETE_LIMIT_PERCENT`).
  package var deleteLimitPercent = 25
  /// Rows of one table that may be in quarantine before the table stops (`SYNC_QUARANTINE_LIMIT`).
  package var quarantineLimit = 1_000
  /// What columns of the source that the target lacks lead to (`SYNC_ON_DRIFT`).
  package var onDrift = DriftPolicy.common
  /// A private certificate authority for both projects (`SYNC_CA_FILE`).
  package var caFile: String?
  /// One request's time limit (`SYNC_REQUEST_TIMEOUT_MS`).
  package var requestTime: Duration = .milliseconds(60_000)
  /// How long one request is tried again in a pass (`SYNC_RETRY_MS`).
  package var retryTime: Duration = .milliseconds(120_000)
  /// The most requests of passes at once to each project (`SYNC_MAX_REQUESTS`).
  package var maxRequests = 4
  /// Bytes of bodies that passes read and write a second, of each project; nil: no limit (`SYNC_MAX_BYTES_PER_SECOND`).
  package var maxBytesPerSecond: Int?
  /// The time between two marker rows (`SYNC_HEARTBEAT_INTERVAL_MS`).
  package var heartbeatInterval: Duration = .milliseconds(10_000)
  /// Further behind than this the copy is not ready (`SYNC_LAG_LIMIT_MS`).
  package var lagLimit: Duration = .milliseconds(60_000)
  /// The time between two comparisons of all rows by the daemon; nil: none (`SYNC_VERIFY_FULL_EVERY`).
  package var verifyInterval: Duration? = .seconds(24 * 3_600)
  /// The port of 127.0.0.1 at which status is served; nil: not at all (`SYNC_STATUS_LISTEN`).
  package var statusPort: Int?

  package init(source: Project, target: Project) {
    self.source = source
    self.target = target
  }
}
