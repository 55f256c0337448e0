import Supabase

/// Holds a configuration against what two projects tell of themselves. It decides; nothing is read or written.
package struct Check: Sendable {
  let source: ProjectCatalogue
  let target: ProjectCatalogue
  let tables: [TableConfiguration]
  let conditions: Conditions

  package struct Conditions: Hashable, Sendable {
    package var usesFeed = true
    package var deletes = true
    package var batchSize = 500
    /// Nothing has been copied yet.
    package var isFirst = true
    /// Files with secrets in them that others may read.
    package var readableFiles: [String] = []

    package init() {}

    package init(_ settings: Settings) {
      usesFeed = settings.realtime && !settings.isOnePass
      deletes = settings.deletes
      batchSize = settings.batchSize
    }
  }

  package init(
    source: ProjectCatalogue, target: ProjectCatalogue, tables: [TableConfiguration],
    conditions: Conditions = Conditions()
  ) {
    self.source = source
    self.target = target
    self.tables = tables
    self.conditions = conditions
  }

  var mirrored: Set<TableName> { Set(tables.map(\.name)) }

  /// Projects first, then tables in the order of the configuration.
  package func findings() -> [Finding] {
    var found = files() + pair()
    for project in [source, target] {
      found += clock(project) + rowCap(project) + migration(project) + schemas(project)
      found += publication(project)
    }
    for table in tables {
      let pair = TablePair(table, check: self)
      found += pair.findings()
    }
    found += circles()
    return found
  }

  private func files() -> [Finding] {
    conditions.readableFiles.map { path in
      Finding(
        .fileReadable, .warning, on: nil, "others on this machine may read \(path)",
        why: "it holds keys that open everything in both projects",
        mend: "run: chmod 600 \(Attention.shellWord(path))")
    }
  }

  private func pair() -> [Finding] {
    guard let one = source.database?.server.identity, one == target.database?.server.identity
    else { return [] }
    return [
      Finding(
        .oneDatabase, .problem, on: nil, "source and target are the same database",
        why: "a database cannot be mirrored to itself; nothing would be copied",
        mend: "correct SYNC_SOURCE_SUPABASE_URL or SYNC_TARGET_SUPABASE_URL")
    ]
  }

  private func clock(_ project: ProjectCatalogue) -> [Finding] {
    guard let offset = project.clockOffset, abs(offset.components.seconds) >= 5 else { return [] }
    let seconds = abs(offset.components.seconds)
    return [
      Finding(
        .clockOff, .warning, on: project.role,
        "the \(project.role)'s clock is \(seconds) s \(offset > .zero ? "ahead of" : "behind") "
          + "this machine's",
        why: "times in the status and in reports are off by as much",
        mend: "let this machine set its clock by NTP (timedatectl set-ntp true)")
    ]
  }

  private func rowCap(_ project: ProjectCatalogue) -> [Finding] {
    guard let cap = project.rowCap, cap < conditions.batchSize else { return [] }
    return [
      Finding(
        .rowCap, .warning, on: project.role,
        "the \(project.role) gives at most \(cap) rows a request, and "
          + "SYNC_RECONCILE_BATCH_SIZE is \(conditions.batchSize)",
        why: "nothing is lost by it, but every table costs more requests",
        mend: "raise Max rows of the \(project.role) (Project Settings, Data API; db-max-rows), or "
          + "set SYNC_RECONCILE_BATCH_SIZE=\(cap)")
    ]
  }

  private func schemas(_ project: ProjectCatalogue) -> [Finding] {
    project.hiddenSchemas.sorted().map { schema in
      let count = tables.count { $0.name.schema == schema }
      return Finding(
        .schemaHidden, .problem, on: project.role,
        "the \(project.role) does not serve the schema \(schema)",
        why: "none of its \(count) configured tables can be read or written",
        mend: "add \(schema) to the exposed schemas of the \(project.role) (Project Settings, Data "
          + "API; self-hosted: PGRST_DB_SCHEMAS), and let service_role use it",
        sql: "grant usage on schema \(SQLName.quoted(schema)) to service_role;")
    }
  }

  /// Tables that refer to each other in a circle, as the target enforces it.
  private func circles() -> [Finding] {
    var edges: [TableName: Set<TableName>] = [:]
    for table in tables {
      let parents = target.relation(table.name)?.foreignKeys.map(\.table) ?? []
      edges[table.name] = Set(parents).intersection(mirrored).subtracting([table.name])
    }
    func reachable(_ start: TableName) -> Set<TableName> {
      var seen: Set<TableName> = []
      var open = [start]
      while let next = open.popLast() {
        for parent in edges[next] ?? [] where seen.insert(parent).inserted { open.append(parent) }
      }
      return seen
    }
    var found: [Finding] = []
    var known: Set<TableName> = []
    for table in tables.map(\.name) where !known.contains(table) {
      let reaches = reachable(table)
      guard reaches.contains(table) else { continue }
      let circle = reaches.filter { reachable($0).contains(table) }
      known.formUnion(circle)
      let keys = (target.relation(table)?.foreignKeys ?? []).filter {
        $0.table != table && circle.contains($0.table)
      }
      found.append(
        Finding(
          .referenceCircle, .warning, on: target.role, of: table,
          "\(circle.sorted().map(\.description).joined(separator: ", ")) refer to each other in a "
            + "circle on the target",
          why: "each row is written by itself, so rows that need each other are refused for ever "
            + "and stay in quarantine",
          mend: "drop one of the foreign keys on the target; the source goes on enforcing it",
          sql: keys.map { Statement.dropConstraint($0.name, table) }.joined(separator: "\n")))
    }
    return found
  }
}
