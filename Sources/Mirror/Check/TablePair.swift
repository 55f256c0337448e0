import Supabase

/// One configured table as it is in both projects.
struct TablePair: Sendable {
  let configuration: TableConfiguration
  let check: Check
  let source: Side
  let target: Side

  /// The table in one project.
  struct Side: Sendable {
    let project: ProjectCatalogue
    let description: TableDescription?
    let relation: Relation?

    var role: String { project.role }
  }

  init(_ configuration: TableConfiguration, check: Check) {
    self.configuration = configuration
    self.check = check
    let side = { (project: ProjectCatalogue) in
      Side(
        project: project, description: project.exposed.tables[configuration.name],
        relation: project.relation(configuration.name))
    }
    source = side(check.source)
    target = side(check.target)
  }

  var name: TableName { configuration.name }
  var conditions: Check.Conditions { check.conditions }

  func findings() -> [Finding] {
    var found: [Finding] = []
    var isReadable = true
    for side in [source, target] {
      let missing = presence(side)
      found += missing
      if missing.contains(where: { $0.severity == .problem }) { isReadable = false }
    }
    // What cannot be seen whole would only be found again in other words.
    guard isReadable, let here = source.description, let there = target.description else {
      return found
    }
    found += columns(here, there)
    found += keys(here)
    found += field(here)
    found += constraints()
    found += feed()
    found += triggers()
    found += ledger()
    found += references(here, there)
    found += rows()
    return found
  }

  func finding(
    _ name: Finding.Name, _ severity: Finding.Severity, on side: Side?, _ what: String,
    why: String, mend: String, sql: String? = nil
  ) -> Finding {
    Finding(
      name, severity, on: side?.role, of: self.name, what, why: why, mend: mend, sql: sql)
  }

  /// Whether the project has such a table, and lets a mirror at it.
  private func presence(_ side: Side) -> [Finding] {
    let role = side.role
    if side.project.hiddenSchemas.contains(name.schema) { return [] }
    let needed: [Relation.Privilege] =
      role == source.role ? [.select] : [.select, .insert, .update, .delete]
    if let relation = side.relation {
      if let parent = relation.partitionOf {
        return [
          finding(
            .partition, .problem, on: side, "\(name) is a partition on the \(role)",
            why: "PostgREST shows only the table that it belongs to",
            mend: "configure \(parent) instead of it")
        ]
      }
      if let view = view(side, relation.kind) { return [view] }
      let missing = needed.filter { !relation.privileges.contains($0) }
      if !missing.isEmpty {
        let list = missing.map(\.rawValue).joined(separator: ", ")
        return [
          finding(
            .privilege, .problem, on: side, "service_role may not \(list) \(name) on the \(role)",
            why: role == source.role
              ? "its rows cannot be read" : "rows cannot be written there as they are",
            mend: "grant it",
            sql: "grant usage on schema \(SQLName.quoted(name.schema)) to service_role;\n"
              + "grant \(list) on \(SQLName.quoted(name)) to service_role;")
        ]
      }
    }
    guard side.description != nil else { return [missing(side)] }
    if side.project.views.contains(name), let view = view(side, .view) { return [view] }
    var found: [Finding] = []
    if side.relation?.hasRowSecurity == true, side.project.database?.bypassesRowSecurity == false {
      found.append(
        finding(
          .rowSecurity, .problem, on: side,
          "\(name) has row level security, and service_role does not pass it on the \(role)",
          why: role == source.role
            ? "rows would be hidden, and hidden rows look like deleted ones"
            : "rows would be refused, or hidden and written twice",
          mend: "let service_role pass it, as superuser",
          sql: "alter role service_role bypassrls;"))
    }
    if let relation = side.relation {
      found += storage(side, relation)
    }
    return found
  }

  private func missing(_ side: Side) -> Finding {
    let isThere = side.relation != nil
    let other = side.role == source.role ? target : source
    return finding(
      .tableMissing, .problem, on: side,
      isThere
        ? "PostgREST does not show \(name) of the \(side.role) yet"
        : "the \(side.role) has no table \(name)",
      why: "no row of it can be mirrored",
      mend: isThere
        ? "let PostgREST read the schema again"
        : side.role == target.role
          ? "create it there as it is at the source: apply the source's schema migrations"
          : "correct the name in the table configuration, or take it out (supamirror init shows "
            + "what has changed)"
            + (other.description == nil ? "" : "; it is only on the target"),
      sql: isThere ? "notify pgrst, 'reload schema';" : nil)
  }

  private func view(_ side: Side, _ kind: Relation.Kind) -> Finding? {
    guard kind == .view || kind == .materialized else { return nil }
    return finding(
      .view, .problem, on: side,
      "\(name) is a \(kind == .view ? "view" : "materialized view") on the \(side.role)",
      why: "a view has no rows of its own, no triggers and no key to follow",
      mend: side.role == source.role
        ? "configure the tables behind it instead" : "make it a table on the target")
  }

  private func storage(_ side: Side, _ relation: Relation) -> [Finding] {
    var found: [Finding] = []
    if relation.kind == .foreign {
      found.append(
        finding(
          .foreignTable, .warning, on: side, "\(name) is a foreign table on the \(side.role)",
          why:
            "no trigger of this database sees what is changed behind it, so deletes can be missed",
          mend: "mirror it from where its rows are kept"))
    }
    if relation.isUnlogged {
      let isTarget = side.role == target.role
      found.append(
        finding(
          .unlogged, isTarget ? .problem : .warning, on: side,
          "\(name) is unlogged on the \(side.role)",
          why: isTarget
            ? "a crash there empties it, after its rows were taken for copied"
            : "Realtime never reports it, and a crash empties it without a trace in the ledger",
          mend: "make it a logged table", sql: Statement.alter(name, "set logged")))
    }
    if side.role == target.role, !relation.rules.isEmpty {
      found.append(
        finding(
          .rules, .warning, on: side,
          "\(name) has rules on the target: \(relation.rules.joined(separator: ", "))",
          why: "what is written there may become something else", mend: "drop them on the target",
          sql: relation.rules.map {
            "drop rule \(SQLName.quoted($0)) on \(SQLName.quoted(name));"
          }.joined(separator: "\n")))
    }
    return found
  }

  /// Rows that only the target has stay there: nothing is deleted without evidence.
  private func rows() -> [Finding] {
    let counted = (source.project.rowCounts[name], target.project.rowCounts[name])
    let estimated = (source.relation?.rows ?? -1, target.relation?.rows ?? -1)
    let (here, there, isExact): (Int, Int, Bool)
    if let one = counted.0, let other = counted.1 {
      (here, there, isExact) = (one, other, true)
    } else if estimated.0 >= 0, estimated.1 >= 0 {
      (here, there, isExact) = (estimated.0, estimated.1, false)
    } else {
      return []
    }
    // While a mirror is at work either side may be ahead by a little, and estimates are what they are.
    let slack = isExact && conditions.isFirst ? 0 : max(100, here / 10)
    guard there > here + slack else { return [] }
    let about = isExact ? "" : "about "
    return [
      finding(
        .rowsOnTarget, .warning, on: target,
        "the target's \(name) has \(about)\(there) rows, the source's \(about)\(here)",
        why: "rows that the source does not have are never deleted without evidence, so they stay",
        mend: "if they are left over from something else, empty it before the first copy, on the "
          + "target: truncate \(SQLName.quoted(name))")
    ]
  }
}
