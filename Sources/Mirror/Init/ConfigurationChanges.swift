import Supabase

/// How the source's schema, as `init` would configure it, differs from a table configuration that is there.
package struct ConfigurationChanges: Hashable, Sendable {
  /// `+ public.new`, `- public.gone`, `~ public.todos: …`
  package private(set) var lines: [String] = []

  /// - Parameter target: nil where it could not be asked.
  package init(
    from tables: [TableConfiguration], to proposals: [TableProposal], source: ProjectCatalogue,
    target: ProjectCatalogue?
  ) {
    let known = Set(tables.map(\.name))
    for proposal in proposals where !known.contains(proposal.table) {
      guard let table = proposal.configuration else { continue }
      lines.append("+ \(table.name)")
    }
    for table in tables {
      guard let description = source.exposed.tables[table.name] else {
        lines.append("- \(table.name): the source has no such table, or does not show it")
        continue
      }
      let proposal = proposals.first { $0.table == table.name }
      guard let proposed = proposal?.configuration else {
        if let remark = proposal?.remarks.first {
          lines.append("- \(table.name): \(remark.text)")
        }
        continue
      }
      var changes = Self.keys(table, proposed, source.relation(table.name))
      changes += Self.field(table, proposed, description, source.relation(table.name))
      if table.realtime,
        let reason = TableProposal.reasonAgainstRealtime(table.name, source.relation(table.name))
      {
        changes.append("\"realtime\" should be false, as \(reason)")
      }
      if let there = target?.exposed.tables[table.name] {
        let new = description.columns.map(\.name).filter { there[$0] == nil }
        if !new.isEmpty {
          changes.append(
            "new column \(new.joined(separator: ", ")), which the target does not have "
              + "(supamirror check tells how to add it)")
        }
      }
      lines += changes.map { "~ \(table.name): \($0)" }
    }
  }

  private static func keys(
    _ table: TableConfiguration, _ proposed: TableConfiguration, _ relation: Relation?
  ) -> [String] {
    let configured = Set(table.primaryKeys)
    guard configured != Set(proposed.primaryKeys) else { return [] }
    // Another unique key may have been chosen on purpose.
    let isKey = relation?.indexes.contains {
      $0.isKey && Set($0.columns) == Set(table.primaryKeys.map(Optional.some))
    }
    guard isKey != true else { return [] }
    return [
      "the key is \(proposed.primaryKeys.joined(separator: ", ")), and primaryKeys says "
        + table.primaryKeys.joined(separator: ", ")
    ]
  }

  private static func field(
    _ table: TableConfiguration, _ proposed: TableConfiguration, _ description: TableDescription,
    _ relation: Relation?
  ) -> [String] {
    guard table.reconcile, let best = proposed.incrementalFields.first else { return [] }
    let used = table.incrementalFields.first { description[$0] != nil }
    guard let used else {
      return [
        "there is no \(table.incrementalFields.joined(separator: ", ")) any more; \(best) could be "
          + "followed"
      ]
    }
    guard used != best, let relation, FieldChoice.moves(relation, best),
      !FieldChoice.moves(relation, used)
    else { return [] }
    return ["a trigger moves \(best) forward in every change, and none moves \(used)"]
  }
}
