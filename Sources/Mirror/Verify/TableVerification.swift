package import JSON
package import Supabase

/// What comparing one table found, so far or in the end.
package struct TableVerification: Hashable, Sendable {
  package enum Way: String, Hashable, Sendable {
    /// By digests of ranges, computed in both databases.
    case digests
    /// By reading every row of both sides.
    case rows
  }

  /// In what a key's rows differ.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// On the source only.
    case missing
    /// On the target only.
    case extra
    case different
    /// Newer than the mirror's checkpoint, or a delete that it has not seen to.
    case pending
    /// Deleted at the source; the delete waits for approval.
    case held
    /// Refused by the target.
    case quarantined
    /// Equal in everything that JSON can carry: a jsonb null against SQL NULL, an array's lower bounds.
    case uncarried
    /// Changed at the source between all looks.
    case unsettled

    /// Nothing that the mirror knows of explains it.
    package var isDrift: Bool {
      switch self {
      case .missing, .extra, .different: true
      case .pending, .held, .quarantined, .uncarried, .unsettled: false
      }
    }
  }

  package struct Fault: Hashable, Sendable {
    package var kind: Kind
    package var key: RowKey
    /// The incremental field's value on the target, where it has the row.
    package var version: JSONToken?
    /// It is newer than the source's.
    package var isNewerOnTarget = false

    package init(_ kind: Kind, _ key: RowKey) {
      self.kind = kind
      self.key = key
    }
  }

  /// Keys that follow each other at the source, none of which the target has.
  package struct Run: Hashable, Sendable {
    package var span: KeySpan
    package var rows: Int

    package init(_ span: KeySpan, rows: Int) {
      self.span = span
      self.rows = rows
    }
  }

  package let table: TableName
  package var way: Way
  /// Microseconds since 2000-01-01: what was found is true of some moment between the two.
  package var begunAt: Int64
  /// nil while it is not finished.
  package var endedAt: Int64?
  /// Rows that were compared on each side.
  package var sourceRows = 0
  package var targetRows = 0
  package var counts: [Kind: Int] = [:]
  /// By column, rows that differ in it.
  package var columns: [String: Int] = [:]
  /// The first of each kind: row data.
  package var faults: [Fault] = []
  /// Of missing rows, those that were not noted one by one.
  package var runs: [Run] = []
  /// Why it ended early; nil where it did not.
  package var failure: String?
  package var notes: [String] = []
  package var elapsed: Duration = .zero

  /// Faults of one kind whose keys are kept.
  package static let mostFaults = 1_000

  package init(table: TableName, way: Way, begunAt: Int64) {
    self.table = table
    self.way = way
    self.begunAt = begunAt
  }

  package subscript(kind: Kind) -> Int { counts[kind] ?? 0 }

  /// Differences that nothing explains.
  package var drift: Int { count { $0.isDrift } }
  /// Differences that the mirror knows of.
  package var known: Int { count { !$0.isDrift } }

  private func count(_ isCounted: (Kind) -> Bool) -> Int {
    counts.reduce(0) { isCounted($1.key) ? $0 + $1.value : $0 }
  }

  /// Rows of the source that the target has, the same in every value.
  package var equalRows: Int {
    let differing = Kind.allCases.filter { ![.extra, .held].contains($0) }
    return max(0, sourceRows - differing.reduce(0) { $0 + self[$1] })
  }

  /// Compared to the end, and no row differs.
  package var isEqual: Bool { endedAt != nil && failure == nil && drift + known == 0 }

  mutating func note(
    _ fault: Fault, columns: [String] = [], keeping most: Int = mostFaults
  ) {
    counts[fault.kind, default: 0] += 1
    if self[fault.kind] <= most { faults.append(fault) }
    for column in columns { self.columns[column, default: 0] += 1 }
  }

  /// Rows of a run: more of them are several runs, so that they can be copied side by side.
  package static let longestRun = 16_384

  /// Notes a range of which the target has nothing.
  mutating func note(run span: KeySpan, rows: Int) {
    counts[.missing, default: 0] += rows
    if let last = runs.last, last.span.upper != nil, last.span.upper == span.lower,
      last.rows + rows <= Self.longestRun
    {
      runs[runs.count - 1].span.upper = span.upper
      runs[runs.count - 1].rows += rows
    } else {
      runs.append(Run(span, rows: rows))
    }
  }
}

/// What comparing all tables found.
package struct VerificationReport: Sendable {
  package var tables: [TableVerification] = []
  /// Why it ended early, as far as that concerns all tables.
  package var stopped: String?
  package var stopKind = PassReport.StopKind.project
  package var elapsed: Duration = .zero

  package init() {}

  package var drift: Int { tables.reduce(0) { $0 + $1.drift } }
  package var known: Int { tables.reduce(0) { $0 + $1.known } }

  /// 0 only where every row was compared and is equal.
  package var exitCode: ExitCode {
    if stopped != nil {
      return switch stopKind {
      case .project: .project
      case .configuration: .configuration
      case .here: .incomplete
      }
    }
    return tables.allSatisfy(\.isEqual) ? .clean : .incomplete
  }
}
