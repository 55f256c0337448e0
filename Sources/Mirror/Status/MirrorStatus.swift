package import Supabase

/// Everything an operator may ask of a running mirror, at one moment. A value: whoever shows it needs no answer of
/// any project. Times are microseconds since 2000-01-01 UTC unless they are durations.
package struct MirrorStatus: Hashable, Sendable {
  package var version: String
  /// The mirror's name in the ledger.
  package var mirror: String
  package var source: ProjectStatus
  package var target: ProjectStatus
  package var startedAt: Int64
  /// When this value was true.
  package var takenAt: Int64
  package var feed: FeedStatus
  package var pass: PassStatus
  /// In the configuration's order.
  package var tables: [TableStatus]
  /// Measured by marker rows: source commit to durable on the target, oldest first, at most an hour.
  package var lags: [LagSample] = []
  /// The limit of lag above which the mirror is not ready.
  package var lagLimit: Duration
  /// The time between two passes, and between two marker rows, as configured.
  package var reconcileInterval = Duration.seconds(30)
  package var heartbeatInterval = Duration.seconds(10)
  /// What needs a person, most urgent first; sentences.
  package var problems: [String] = []
  package var notes: [String] = []

  package init(
    version: String, mirror: String, source: ProjectStatus, target: ProjectStatus,
    startedAt: Int64, takenAt: Int64, feed: FeedStatus, pass: PassStatus, tables: [TableStatus],
    lagLimit: Duration
  ) {
    self.version = version
    self.mirror = mirror
    self.source = source
    self.target = target
    self.startedAt = startedAt
    self.takenAt = takenAt
    self.feed = feed
    self.pass = pass
    self.tables = tables
    self.lagLimit = lagLimit
  }
}

/// One project as it was last met.
package struct ProjectStatus: Hashable, Sendable {
  /// Without key.
  package var url: String
  /// nil while the last request had an answer; else since when none had.
  package var downSince: Int64?
  /// Why, without secrets; empty while it is up.
  package var problem = ""

  package init(url: String) { self.url = url }
}

package struct FeedStatus: Hashable, Sendable {
  /// From worst to best but for `off`.
  package enum State: String, Sendable, CaseIterable {
    /// `SYNC_REALTIME=false`, or no table wants it.
    case off
    /// No socket.
    case disconnected
    /// Joined or being joined; it is not known whether changes flow.
    case joining
    /// Subscribed, and nothing can prove that changes flow: the marker table is missing.
    case unproven
    /// A marker row came back through the feed within two intervals.
    case live
  }

  package var state: State
  package var since: Int64
  /// The last reason for not being live; empty where there was none.
  package var problem = ""
  /// Marker rows came back through the feed.
  package var lastProof: Int64?
  // Counters since the start.
  package var connects = 0
  package var joins = 0
  package var events = 0
  /// The end of what is known to have come through, while a gap is not healed yet.
  package var gapSince: Int64?
  /// Gaps that were healed by a pass, and how long the last one took from its end to its healing.
  package var gapsHealed = 0
  package var lastHealing: Duration?
  /// Rows that a reconcile found and the feed should have reported.
  package var missedRows = 0
  /// Frames that could not be read, by kind.
  package var oddFrames = 0

  package init(state: State, since: Int64) {
    self.state = state
    self.since = since
  }
}

package struct PassStatus: Hashable, Sendable {
  package var isRunning = false
  /// Passes that ended since the start.
  package var count = 0
  package var failedCount = 0
  package var lastStart: Int64?
  package var lastEnd: Int64?
  /// When the last pass that left nothing out ended.
  package var lastClean: Int64?
  package var lastElapsed: Duration?
  package var lastExitCode: ExitCode?

  package init() {}
}

package struct TableStatus: Hashable, Sendable {
  package enum Feed: String, Sendable, CaseIterable {
    /// `"realtime": false`, or the feed is off.
    case off
    case joining
    /// Subscribed, not proven.
    case unproven
    case live
    /// The server refuses to subscribe this table; it is polled only.
    case refused
  }

  package var name: TableName
  package var feed: Feed
  /// Why it is refused; empty where it is not.
  package var feedProblem = ""
  // Rows since the start.
  package var read = 0
  package var upserted = 0
  package var unchanged = 0
  package var deleted = 0
  /// Keys that wait to be looked at.
  package var waiting = 0
  package var held = 0
  package var quarantined = 0
  /// How far the copy of the whole table is; nil while none is under way.
  package var copying: CopyStatus?
  /// Source commit to durable on the target, of the last change that the feed reported.
  package var lag: Duration?
  /// When its rows were last reconciled to the end.
  package var lastReconcile: Int64?
  /// What the last comparison of all its rows with the source's found; nil: none has ended.
  package var verified: VerifiedStatus?
  /// Why it stopped; nil where it did not.
  package var failure: String?
  package var unmirrored: [String] = []
  /// Columns of the source that the target lacks; `unmirrored` says what mends each.
  package var leftOut: [String] = []

  package init(name: TableName, feed: Feed) {
    self.name = name
    self.feed = feed
  }
}

/// How far the copy of a whole table is, by all runs of it.
package struct CopyStatus: Hashable, Sendable {
  package var rows: Int
  /// What the server expects the table to have; nil: unknown.
  package var estimate: Int?

  package init(rows: Int, estimate: Int?) {
    self.rows = rows
    self.estimate = estimate
  }

  /// `47 %, 470,123 of ~1,000,000 rows`
  package var sentence: String {
    let percent = CopyProgress.percent(rows, of: estimate, isDone: false)
    return (percent.map { "\($0) %, " } ?? "") + CopyProgressText.rows(rows, of: estimate) + " rows"
  }
}

/// What comparing all rows of a table found.
package struct VerifiedStatus: Hashable, Sendable {
  /// When the comparison began: rows are proven to have been equal then, or later.
  package var time: Int64
  /// Rows of the source.
  package var rows: Int
  /// Rows that differ, and nothing that the mirror knows of explains it.
  package var drift: Int
  /// Rows that differ as the mirror knows: held, quarantined, not mirrored yet, not carried by JSON.
  package var known: Int

  package var isEqual: Bool { drift + known == 0 }

  package init(time: Int64, rows: Int, drift: Int, known: Int) {
    self.time = time
    self.rows = rows
    self.drift = drift
    self.known = known
  }

  package init(_ found: TableVerification) {
    self.init(time: found.begunAt, rows: found.sourceRows, drift: found.drift, known: found.known)
  }

  /// `equal as of 3h ago`
  func sentence(at now: Int64) -> String {
    let age = SpokenTime.age(of: time, at: now)
    if isEqual { return "proven equal as of \(age)" }
    if drift == 0 {
      return "equal as of \(age), but for \(ReportText.grouped(known)) rows known of"
    }
    return "\(ReportText.grouped(drift)) rows differed as of \(age)"
  }
}

/// One marker row's way.
package struct LagSample: Hashable, Sendable {
  package var time: Int64
  package var lag: Duration

  package init(time: Int64, lag: Duration) {
    self.time = time
    self.lag = lag
  }
}

extension MirrorStatus {
  /// The age of the newest marker row known to be on the target counts as well: where none arrives, lag grows.
  package var lag: Duration? {
    guard let last = lags.last else { return nil }
    return max(last.lag, .microseconds(max(0, takenAt - last.time)) - quiet)
  }

  /// Marker rows are written seldom; this much time between two says nothing.
  package static let quiet = Duration.seconds(20)

  /// The same for this mirror, which may write them more seldom.
  package var quiet: Duration { max(Self.quiet, heartbeatInterval * 2) }
}
