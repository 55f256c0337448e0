import Supabase

extension TablePair {
  /// Whether Realtime reports what happens to the table, and whether what is published can be written.
  func feed() -> [Finding] {
    var found: [Finding] = []
    for side in [source, target] {
      guard let relation = side.relation, relation.isPublished, !relation.isIdentified else {
        continue
      }
      found.append(
        finding(
          .noReplicaIdentity, .problem, on: side,
          "\(name) is published on the \(side.role) without a replica identity",
          why: "PostgreSQL refuses every UPDATE and DELETE of it", mend: "give it one",
          sql: identity(relation)))
    }
    guard configuration.realtime, conditions.usesFeed else { return found }
    if !FeedName.isCarried(name) {
      found.append(
        finding(
          .realtimeName, .warning, on: nil,
          "Realtime cannot name \(name): blanks, commas, dots, quotes, stars and backslashes get lost",
          why: "its changes, and perhaps others', are not reported", mend: Self.leaveOut))
    }
    guard let relation = source.relation, relation.isIdentified || !relation.isPublished else {
      return found
    }
    if relation.kind == .partitioned {
      found.append(
        finding(
          .realtimePartitioned, .warning, on: nil,
          "\(name) is partitioned: Realtime reports partitions by their own names only",
          why: "its changes are found by passes", mend: Self.leaveOut))
      return found
    }
    // Without a publication there is one finding for all of them.
    guard relation.kind == .table, !relation.isUnlogged,
      source.project.database?.publication != nil
    else { return found }
    if !relation.isPublished {
      found.append(
        finding(
          .notPublished, .warning, on: source,
          "\(name) is not in the publication \(Statement.publication)",
          why: "Realtime does not report its changes; passes find them later", mend: "publish it",
          sql: (relation.isIdentified ? "" : identity(relation) + "\n") + Statement.publish(name)))
    }
    let again = Statement.unpublish(name) + "\n" + Statement.publish(name)
    let needed = configuration.primaryKeys
    if let columns = relation.publishedColumns, !needed.allSatisfy(columns.contains) {
      found.append(
        finding(
          .publicationColumns, .warning, on: source,
          "\(name) is published without its key \(needed.joined(separator: ", "))",
          why: "what Realtime reports does not tell which row it is about",
          mend: "publish all columns", sql: again))
    }
    if relation.rowFilter != nil {
      found.append(
        finding(
          .publicationFilter, .warning, on: source,
          "only some rows of \(name) are published", why: "changes of the others arrive by passes",
          mend: "publish all rows", sql: again))
    }
    return found
  }

  private static let leaveOut = "set \"realtime\": false for it in the table configuration"

  private func identity(_ relation: Relation) -> String {
    let hasKey = relation.indexes.contains { $0.isPrimary && $0.isKey }
    return Statement.alter(name, "replica identity \(hasKey ? "default" : "full")")
  }

  /// Triggers of the target, which run for what is mirrored as well.
  func triggers() -> [Finding] {
    guard let relation = target.relation else { return [] }
    var found: [Finding] = []
    for trigger in relation.triggers where trigger.isEnabled && !trigger.isOurs {
      guard !trigger.events.isDisjoint(with: ["insert", "update", "delete"]) else { continue }
      let sql = Statement.alter(name, "disable trigger \(SQLName.quoted(trigger.name))")
      let what = "\(trigger.name) (\(trigger.function)) on the target's \(name)"
      let mend = "disable it on the target; the source's has done its work already"
      if trigger.isBefore, trigger.isPerRow, !trigger.assigns.isEmpty {
        let columns = relation.columns.map(\.name).filter(trigger.assigns.contains)
        found.append(
          finding(
            .triggerChangesRows, .problem, on: target,
            "the trigger \(what) sets \(columns.joined(separator: ", "))",
            why: "what is mirrored would be changed as it arrives", mend: mend, sql: sql))
      } else if trigger.isBefore, trigger.isPerRow {
        found.append(
          finding(
            .triggerMayChangeRows, .warning, on: target,
            "the trigger \(what) may change or skip what is written", why: "copies would differ",
            mend: mend, sql: sql))
      } else {
        found.append(
          finding(
            .triggerActs, .warning, on: target,
            "the trigger \(what) runs for every change that is mirrored",
            why: "what it does (messages, webhooks, rows elsewhere) was done at the source already",
            mend: mend, sql: sql))
      }
    }
    return found
  }

  /// The triggers that log deletes.
  func ledger() -> [Finding] {
    var found: [Finding] = []
    for side in [source, target] {
      guard let database = side.project.database, database.hasLedger, let relation = side.relation
      else { continue }
      let isSource = side.role == source.role
      if isSource, !conditions.deletes { continue }
      let severity: Finding.Severity = isSource ? .problem : .warning
      let why =
        isSource
        ? "deletes, key changes and truncates of it are not mirrored"
        : "its deletes are not logged should the projects change places"
      guard let logged = database.logged[name] else {
        found.append(
          finding(
            .notLogged, severity, on: side, "the \(side.role)'s ledger does not log \(name)",
            why: why, mend: Self.applyAgain))
        continue
      }
      let disabled = relation.triggers.filter { $0.isOurs && !$0.isEnabled }.map(\.name)
      if !logged.isComplete {
        found.append(
          finding(
            .ledgerDisabled, severity, on: side,
            disabled.isEmpty
              ? "not all triggers of the ledger are on the \(side.role)'s \(name)"
              : "triggers of the ledger are disabled on the \(side.role)'s \(name): "
                + disabled.joined(separator: ", "), why: why,
            mend: disabled.isEmpty ? Self.applyAgain : "enable them",
            sql: disabled.isEmpty
              ? nil
              : disabled.map { Statement.alter(name, "enable trigger \(SQLName.quoted($0))") }
                .joined(separator: "\n")))
      } else if Set(logged.keyColumns) != Set(configuration.primaryKeys) {
        found.append(
          finding(
            .ledgerKeys, severity, on: side,
            "the \(side.role)'s ledger logs \(name) by \(logged.keyColumns.joined(separator: ", ")), "
              + "and primaryKeys is \(configuration.primaryKeys.joined(separator: ", "))",
            why: why, mend: Self.applyAgain))
      }
    }
    return found
  }

  private static let applyAgain =
    "run supamirror migration > sync.sql, and apply sync.sql to both projects again"

  /// Foreign keys of the target to rows that nobody brings there.
  func references(_ here: TableDescription, _ there: TableDescription) -> [Finding] {
    guard let relation = target.relation else {
      // Only keys of one column to tables that PostgREST serves are told, and these without their schema.
      let names = Set(check.tables.map(\.name.name))
      return there.columns.compactMap { column in
        guard let parent = column.references?.table, !names.contains(parent) else { return nil }
        return unmirrored([column.name], parent, sql: nil)
      }
    }
    return relation.foreignKeys.filter { !check.mirrored.contains($0.table) }.map { key in
      unmirrored(
        key.columns, key.table.description, sql: Statement.dropConstraint(key.name, name))
    }
  }

  private func unmirrored(_ columns: [String], _ parent: String, sql: String?) -> Finding {
    finding(
      .referenceUnmirrored, .problem, on: target,
      "\(name).\(columns.joined(separator: ", ")) refers to \(parent) on the target, which is not "
        + "mirrored",
      why: "rows whose \(parent) is not there are refused",
      mend: parent.hasPrefix("auth.")
        ? "drop the foreign key on the target: users are not mirrored"
        : "mirror \(parent) too, or drop the foreign key on the target", sql: sql)
  }
}

/// Which tables Realtime can name. Its lists of tables are texts with commas, dots and stars of their own, and servers
/// differ in what they escape.
enum FeedName {
  static func isCarried(_ table: TableName) -> Bool {
    (table.schema + table.name).unicodeScalars.allSatisfy {
      !" ,.*'\"\\".unicodeScalars.contains($0)
    }
  }
}
