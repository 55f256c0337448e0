package import Supabase

/// How far the copying of whole tables is. What servers expect of their tables may be wrong in both directions, so a
/// share is never more than 99 % before the end, and time left never less than none.
package struct CopyProgress: Sendable {
  package struct Table: Hashable, Sendable {
    package let name: TableName
    /// Copied, by earlier runs too.
    package internal(set) var rows: Int
    package internal(set) var estimate: Int?
    package internal(set) var isDone = false
    /// Whether pages of it have come.
    package internal(set) var isBegun = false
    /// What earlier runs had copied.
    fileprivate var before: Int
    fileprivate var bytes = 0

    /// Of a hundred; nil: nobody knows.
    package var percent: Int? { CopyProgress.percent(rows, of: estimate, isDone: isDone) }
    package var isAtWork: Bool { isBegun && !isDone }
  }

  /// All tables together.
  package struct Total: Hashable, Sendable {
    package var tables = 0
    package var tablesDone = 0
    package var rows = 0
    /// nil: of some table nobody knows.
    package var estimate: Int?
    package var percent: Int?
    // Over the last seconds.
    package var rowsPerSecond = 0
    package var bytesPerSecond = 0
    /// nil: nobody knows.
    package var timeLeft: Duration?
  }

  /// In the order in which they were named first.
  package private(set) var tables: [Table] = []
  private var rate: RecentRate?

  package init() {}

  /// Whether a table's copy is under way.
  package var isAtWork: Bool { tables.contains(where: \.isAtWork) }

  /// Whether the table was named and is not done. One whose rows need each other is copied whole as passes copy.
  package func awaits(_ table: TableName) -> Bool {
    tables.contains { $0.name == table && !$0.isDone }
  }

  /// Names a table that is going to be copied, or is being copied.
  ///
  /// - Parameters:
  ///   - rows: copied before.
  ///   - estimate: how many rows the server expects it to have.
  package mutating func expect(_ table: TableName, rows: Int, estimate: Int?) {
    guard let index = tables.firstIndex(where: { $0.name == table }) else {
      tables.append(Table(name: table, rows: rows, estimate: estimate, before: rows))
      return
    }
    // What the copy has told since is newer.
    tables[index].estimate = tables[index].estimate ?? estimate
  }

  /// - Parameter time: since the run began.
  package mutating func note(_ progress: TableProgress, at time: Duration) {
    let index: Int
    if let known = tables.firstIndex(where: { $0.name == progress.table }) {
      index = known
    } else {
      index = tables.count
      // Of one that nobody named it is not known what was copied before, so its first page does not count as speed.
      expect(progress.table, rows: progress.rows, estimate: progress.estimate)
    }
    if rate == nil { rate = RecentRate(from: time) }
    tables[index].isBegun = true
    tables[index].isDone = progress.isDone
    tables[index].rows = progress.rows
    tables[index].bytes = progress.bytes
    tables[index].estimate = progress.estimate ?? tables[index].estimate
    rate?.note(
      rows: tables.reduce(0) { $0 + $1.rows - $1.before },
      bytes: tables.reduce(0) { $0 + $1.bytes }, at: time)
  }

  package func total(at time: Duration) -> Total {
    var total = Total()
    total.tables = tables.count
    total.tablesDone = tables.count(where: \.isDone)
    total.rows = tables.reduce(0) { $0 + $1.rows }
    let isDone = total.tablesDone == total.tables
    if tables.allSatisfy({ $0.isDone || $0.estimate != nil }) {
      // A table that has more rows than was expected may have any number more.
      total.estimate = tables.reduce(0) { sum, table in
        sum + (table.isDone ? table.rows : max(table.rows, table.estimate ?? 0))
      }
    }
    total.percent = Self.percent(total.rows, of: total.estimate, isDone: isDone)
    guard let rate = rate?.perSecond(at: time) else { return total }
    total.rowsPerSecond = Int(min(rate.rows, 1e15))
    total.bytesPerSecond = Int(min(rate.bytes, 1e15))
    if isDone {
      total.timeLeft = .zero
    } else if let estimate = total.estimate, estimate > total.rows, rate.rows >= 1 {
      total.timeLeft = .seconds(Int(min(Double(estimate - total.rows) / rate.rows, 1e9)))
    }
    return total
  }

  static func percent(_ rows: Int, of estimate: Int?, isDone: Bool) -> Int? {
    if isDone { return 100 }
    guard let estimate, estimate > 0 else { return nil }
    return Int(min(99, max(0, Double(rows) / Double(estimate) * 100)))
  }
}
