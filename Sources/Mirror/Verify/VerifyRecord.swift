package import Supabase

/// What is durably known of comparing one table: how far it has come, or what came out last.
package struct VerifyRecord: Hashable, Sendable {
  /// What was compared; progress in other columns, or by another key, means nothing.
  package var keyColumns: [String]
  package var columns: [String]
  package var running: Progress?
  /// Of the last comparison that came to its end.
  package var result: TableVerification?

  package struct Progress: Hashable, Sendable {
    package var found: TableVerification
    /// Every row up to this key has been compared, but for the suspects; nil: none yet.
    package var after: RowKey?
    package var isScanned = false
    /// Key by key, the source's first; `after` is of the side that is being listed.
    package var isByKey = false
    package var isSourceListed = false
    /// To be looked at again.
    package var suspects: [RowKey] = []

    package init(_ found: TableVerification) { self.found = found }
  }

  package init(_ plan: TablePlan) {
    keyColumns = plan.keyColumns
    columns = plan.columns
  }

  init(keyColumns: [String], columns: [String]) {
    self.keyColumns = keyColumns
    self.columns = columns
  }

  /// A comparison older than this is begun anew: what it found would say little of now.
  static let longest: Int64 = 24 * 3_600_000_000

  /// Where to go on; nil: at the start.
  func progress(for plan: TablePlan, now: Int64) -> Progress? {
    guard let running, keyColumns == plan.keyColumns, columns == plan.columns,
      (0..<Self.longest).contains(now - running.found.begunAt)
    else { return nil }
    return running
  }
}

/// Keeps what verifying knows in a file. Losing it loses no row: tables are compared from their start again.
package actor VerifyStore {
  private let storage: (any StateStorage)?
  private let identity: MirrorIdentity
  private let log: Log
  private var records: [TableName: VerifyRecord]
  private var lastWrite: ContinuousClock.Instant?
  private var isUnwritten = false
  private var hasFailed = false

  /// Beside the state.
  package static func path(statePath: String) -> String { statePath + ".verify" }

  /// What a crash may cost.
  static let pause = Duration.seconds(1)

  /// What cannot be read, or is another pair's, is forgotten.
  package init(_ storage: any StateStorage, identity: MirrorIdentity, log: Log = .none) {
    self.storage = storage
    self.identity = identity
    self.log = log
    let bytes = (try? storage.load()) ?? nil
    records = bytes.flatMap { VerifyText.read($0, identity) } ?? [:]
  }

  /// Keeps nothing: every comparison begins at the start.
  package init() {
    storage = nil
    identity = MirrorIdentity(epoch: "", name: "")
    log = .none
    records = [:]
  }

  package func record(of table: TableName) -> VerifyRecord? { records[table] }

  /// The last result of every table that has one.
  package var results: [TableName: TableVerification] { records.compactMapValues(\.result) }

  /// Writes at most every second, unless it matters.
  func set(_ record: VerifyRecord, of table: TableName, isUrgent: Bool = false) {
    guard storage != nil, records[table] != record else { return }
    records[table] = record
    isUnwritten = true
    let now = ContinuousClock.now
    if !isUrgent, let lastWrite, now - lastWrite < Self.pause { return }
    write()
  }

  func write() {
    guard let storage, isUnwritten else { return }
    lastWrite = .now
    do {
      try storage.replace(with: VerifyText.write(records, identity))
      isUnwritten = false
      hasFailed = false
    } catch {
      // The comparison goes on; only a restart would begin it anew.
      if !hasFailed { log.warning("progress of verifying not kept", ["reason": "\(error)"]) }
      hasFailed = true
    }
  }
}
