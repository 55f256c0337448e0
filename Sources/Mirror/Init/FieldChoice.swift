import Supabase

/// The column by which changes of a table are best followed.
struct FieldChoice: Hashable, Sendable {
  enum Kind: Int, Hashable, Sendable, Comparable {
    /// A trigger sets it in every change.
    case moved
    /// Its name says that it tells of changes.
    case namedChanged
    /// It tells when a row was made.
    case created

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  let column: String
  let kind: Kind
  let isNullable: Bool

  /// nil where no column will do.
  static func best(of table: TableDescription, _ relation: Relation?) -> FieldChoice? {
    table.columns.enumerated().compactMap { position, column in
      candidate(column, relation, position)
    }.min { $0.rank.lexicographicallyPrecedes($1.rank) }?.choice
  }

  private struct Candidate {
    let choice: FieldChoice
    /// Less is better.
    let rank: [Int]
  }

  private static func candidate(
    _ column: Column, _ relation: Relation?, _ position: Int
  ) -> Candidate? {
    guard let type = IncrementalField.kind(ofFormat: column.format), type != .date else {
      return nil
    }
    let attribute = relation?[column.name]
    guard attribute?.generated == nil else { return nil }
    let isMoved = relation.map { moves($0, column.name) } ?? false
    let name = plain(column.name)
    let changed = changedNames.firstIndex(of: name)
    let created = createdNames.firstIndex(of: name)
    let defaultText = (attribute?.defaultExpression ?? column.defaultText ?? "").lowercased()
    let kind: Kind
    let typeRank: Int
    switch type {
    case .integer:
      // A version of each row for itself is no order of the table: only a sequence is.
      guard isMoved, defaultText.hasPrefix("nextval(") else { return nil }
      (kind, typeRank) = (.moved, 2)
    case .timestampWithTimeZone, .timestamp:
      let isNow = nowExpressions.contains { defaultText.contains($0) }
      if isMoved {
        kind = .moved
      } else if changed != nil {
        kind = .namedChanged
      } else if created != nil || isNow && column.isNotNull {
        kind = .created
      } else {
        return nil
      }
      typeRank = type == .timestampWithTimeZone ? 0 : 1
    case .date: return nil
    }
    let isNullable = !column.isNotNull && !column.isPrimaryKey
    let nameRank = changed ?? (created.map { $0 + 100 } ?? 1_000)
    return Candidate(
      choice: FieldChoice(column: column.name, kind: kind, isNullable: isNullable),
      rank: [kind.rawValue, typeRank, isNullable ? 1 : 0, nameRank, position])
  }

  /// Whether the name says that it tells when a row was made.
  static func isOfMaking(_ column: String) -> Bool { createdNames.contains(plain(column)) }

  static func moves(_ relation: Relation, _ column: String) -> Bool {
    relation.triggers.contains {
      $0.isEnabled && $0.isBefore && $0.isPerRow && $0.events.contains("update")
        && $0.assigns.contains(column)
    }
  }

  private static let nowExpressions = [
    "now()", "current_timestamp", "clock_timestamp()", "statement_timestamp()",
    "transaction_timestamp()", "localtimestamp",
  ]

  /// `Updated At`, `updatedAt` and `updated_at` are one name.
  private static func plain(_ name: String) -> String {
    String(name.lowercased().filter { $0.isLetter || $0.isNumber })
  }

  private static let changedNames = [
    "updatedat", "modifiedat", "changedat", "lastupdatedat", "lastmodifiedat", "lastchangedat",
    "updated", "modified", "changed", "lastupdated", "lastmodified", "lastchanged", "updatedon",
    "modifiedon", "changedon", "lastupdate", "updatetime", "modificationtime", "mtime",
    "updatedtime", "modifiedtime", "updateddate", "modifieddate", "dateupdated", "datemodified",
    "timeupdated", "timemodified", "updatedts", "modifiedts", "updateat", "modifyat",
  ]

  private static let createdNames = [
    "createdat", "insertedat", "created", "inserted", "createdon", "addedat", "recordedat",
    "loggedat", "occurredat", "createtime", "creationtime", "createdtime", "createddate",
    "datecreated", "timecreated", "ctime", "createdts", "timestamp", "ts",
  ]
}
