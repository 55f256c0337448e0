import JSON
package import Supabase

/// Finds a lossy channel by what a reconcile had to write: rows that the feed should have reported. One for each
/// channel.
///
/// The feed keeps commit order. So a row that a reconcile found before a beat was begun must have been signalled
/// when that beat comes back; where it was not, the feed lost it.
package struct FeedWitness: Sendable {
  package static let suspectLimit = 100
  package static let recentLimit = 2_000

  private struct Row: Hashable {
    let table: TableName
    let key: RowKey
  }

  /// The rows signalled in a stretch of time; nil once there were too many, or one that could not be read.
  private typealias Span = Set<Row>?

  private let interval: Duration
  /// By the highest beat that was begun when it was found.
  private var suspects: [Row: Int64] = [:]
  private var current: Span = []
  private var previous: Span = []
  private var rotatedAt: Duration?

  /// - Parameter interval: between two beats. Signalled keys are remembered for one to two of it.
  package init(interval: Duration) { self.interval = interval }

  package var suspectCount: Int { suspects.count }

  /// Whether the feed writes a column of this type as PostgREST does, so that keys can be compared.
  ///
  /// - Parameter format: as `Column.format`.
  package static func canJudge(format: String) -> Bool {
    switch format {
    case "bigint", "integer", "smallint", "uuid", "text", "character varying", "boolean", "date":
      true
    default: false
    }
  }

  /// Rows that a reconcile had to write although the channel was live when they were committed. The caller leaves
  /// out rows committed before the channel's last proof, keys that wait in `Signals` or are being looked at, and
  /// tables of whose key columns one is not `canJudge`.
  ///
  /// - Parameter begunBeat: the highest beat whose write was begun, answered or not: it may be committed before
  ///   these rows, so only a later one can tell.
  package mutating func found(_ keys: [RowKey], of table: TableName, begunBeat: Int64) {
    guard let current, let previous else { return }
    for key in keys {
      let row = Row(table: table, key: Self.plain(key))
      if current.contains(row) || previous.contains(row) || suspects[row] != nil { continue }
      guard suspects.count < Self.suspectLimit else { return }
      suspects[row] = begunBeat
    }
  }

  /// An event named this key, new or old.
  package mutating func signalled(_ key: RowKey, of table: TableName) {
    let row = Row(table: table, key: Self.plain(key))
    suspects[row] = nil
    current?.insert(row)
    if let count = current?.count, count > Self.recentLimit { current = nil }
  }

  /// An event came whose key could not be read: it may have been any suspect's.
  package mutating func signalledUnknown() {
    suspects = [:]
    current = nil
  }

  /// The beat came back on the channel. Returns how many rows the feed has lost.
  package mutating func saw(beat: Int64, at: Duration) -> Int {
    let lost = suspects.filter { $0.value < beat }
    for row in lost.keys { suspects[row] = nil }
    if at - (rotatedAt ?? at - interval) >= interval {
      previous = current
      current = []
      rotatedAt = at
    }
    return lost.count
  }

  /// The channel has a gap: what was found so far says nothing more.
  package mutating func reset() { suspects = [:] }

  /// One spelling for strings, which may be escaped in different ways.
  private static func plain(_ key: RowKey) -> RowKey {
    RowKey(key.values.map { token in token.string.map(JSONToken.init(string:)) ?? token })
  }
}
