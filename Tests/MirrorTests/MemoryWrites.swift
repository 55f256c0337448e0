import JSON
import Mirror
import Supabase
import Transport

extension MemoryProject {
  /// One statement: all of it or nothing.
  func write(
    _ rows: JSONRows, _ name: TableName, _ keyColumns: [String], _ columns: [String],
    isInsert: Bool = false
  ) throws(PostgRESTError) -> [RowKey] {
    if let writeCap, rows.count > writeCap { throw error(413, nil, name, isWrite: true) }
    var changed = tables
    let table = tables[name]!
    try require(keyColumns + columns, of: name, isWrite: true)
    guard keyColumns == table.key else { throw error(400, "42P10", name, isWrite: true) }
    if let column = columns.first(where: { table.generated[$0] != nil }) {
      throw error(
        400, "428C9", name, isWrite: true, subject: column, finding: .generatedColumn)
    }
    var written: [RowKey] = []
    var seen: Set<RowKey> = []
    for index in rows.rows.indices {
      var row = table.columns.map { table.generated[$0.name] ?? .null }
      let sent = (try? rows.values(of: columns, inRow: index)) ?? []
      // What a page lacks would be written as null.
      precondition(!sent.contains(nil), "a row without a column that is to be written")
      for (column, value) in zip(columns, sent) { row[table.index(column)] = value ?? .null }
      // Also of a row that is there already: a default would have to come before the conflict.
      if let lacking = table.columns.first(where: {
        $0.isNotNull && !columns.contains($0.name) && row[table.index($0.name)].isNull
      }) {
        throw error(400, "23502", name, isWrite: true, subject: lacking.name)
      }
      if let old = table.rows[table.key(of: row)] {
        if isInsert { continue }
        for column in table.columns where !columns.contains(column.name) {
          row[table.index(column.name)] = old[table.index(column.name)]
        }
      }
      let named = Dictionary(
        uniqueKeysWithValues: table.columns.map { ($0.name, row[table.index($0.name)]) })
      switch rule(name, named) {
      case .accept: break
      case .refuse(let code): throw error(code == "23505" ? 409 : 400, code, name, isWrite: true)
      case .skip: continue
      case .change(let values):
        for (column, value) in values { row[table.index(column)] = value }
      }
      let key = table.key(of: row)
      guard seen.insert(key).inserted else {
        throw error(500, "21000", name, isWrite: true)
      }
      written.append(key)
      changed[name]!.put(row)
    }
    try checkUnique(changed[name]!, written)
    try checkParents(of: changed[name]!, written, in: changed)
    let old = tables[name]!.rows
    tables = changed
    for key in written {
      tell(old[key] == nil ? .insert : .update, name, new: key, old: old[key] == nil ? nil : key)
    }
    return written
  }

  /// Tells the feed of a committed change.
  func tell(_ kind: FeedChange.Kind, _ name: TableName, new: RowKey?, old: RowKey?) {
    let table = tables[name]!
    let row = new.flatMap { table.rows[$0] }
    let values = row.map { row in
      Dictionary(uniqueKeysWithValues: table.columns.map { ($0.name, row[table.index($0.name)]) })
    }
    observer(
      MemoryChange(
        table: name, kind: kind, new: values,
        old: old.map { Dictionary(uniqueKeysWithValues: zip(table.key, $0.values)) },
        time: clock.withLock { $0 }))
  }

  private func checkUnique(
    _ table: MemoryTable, _ written: [RowKey]
  ) throws(PostgRESTError) {
    for columns in table.unique {
      let positions = columns.map(table.index)
      var owners: [[JSONToken]: Int] = [:]
      for row in table.rows.values { owners[positions.map { row[$0] }, default: 0] += 1 }
      let isTaken = owners.contains { !$0.key.contains(.null) && $0.value > 1 }
      if isTaken { throw error(409, "23505", table.name, isWrite: true) }
    }
  }

  private func checkParents(
    of table: MemoryTable, _ written: [RowKey], in tables: [TableName: MemoryTable]
  ) throws(PostgRESTError) {
    for column in table.columns {
      guard let reference = column.references,
        let parent = tables[TableName(schema: table.name.schema, name: reference.table)]
      else { continue }
      for key in written {
        let value = table.rows[key]![table.index(column.name)]
        guard value.isNull || parent.rows[RowKey([value])] != nil else {
          throw error(409, "23503", table.name, isWrite: true)
        }
      }
    }
  }

  /// Deletes, with what refers to the rows: taken along by a cascade, or else in the way.
  func remove(
    _ keys: Set<RowKey>, from name: TableName, in tables: inout [TableName: MemoryTable]
  ) throws(PostgRESTError) {
    for key in keys { tables[name]!.rows[key] = nil }
    for child in tables.values {
      for column in child.columns
      where column.references.map({ TableName(schema: child.name.schema, name: $0.table) })
        == name
      {
        let position = child.index(column.name)
        let orphans = Set(
          tables[child.name]!.rows.filter { keys.contains(RowKey([$0.value[position]])) }.map(
            \.key))
        guard !orphans.isEmpty else { continue }
        guard child.cascades else { throw error(409, "23503", name, isWrite: true) }
        try remove(orphans, from: child.name, in: &tables)
      }
    }
  }

  // What users do at the source, with the triggers of the migration.

  func put(_ name: String, _ row: [JSONToken]) {
    let name = TableName(name: name)
    let key = tables[name]!.key(of: row)
    let isNew = tables[name]!.rows[key] == nil
    tables[name]!.put(row)
    tell(isNew ? .insert : .update, name, new: key, old: isNew ? nil : key)
  }

  func row(_ name: String, _ key: JSONToken...) -> [JSONToken]? {
    tables[TableName(name: name)]!.rows[RowKey(key)]?.tokens
  }

  func erase(_ name: String, _ key: JSONToken...) {
    let name = TableName(name: name)
    guard tables[name]!.rows.removeValue(forKey: RowKey(key)) != nil else { return }
    log(name, "delete", RowKey(key))
    tell(.delete, name, new: nil, old: RowKey(key))
  }

  func truncate(_ name: String) {
    let name = TableName(name: name)
    tables[name]!.rows = [:]
    log(name, "truncate", nil)
  }

  func rekey(_ name: String, _ old: RowKey, to row: [JSONToken]) {
    let name = TableName(name: name)
    tables[name]!.rows[old] = nil
    tables[name]!.put(row)
    log(name, "rekey", old)
    log(name, "rekey", tables[name]!.key(of: row))
    tell(.update, name, new: tables[name]!.key(of: row), old: old)
  }

  func log(_ name: TableName, _ operation: String, _ key: RowKey?) {
    guard logged.contains(name), tables[.ledger] != nil else { return }
    var object = JSONToken.null
    if let key {
      var writer = JSONWriter()
      writer.beginObject()
      for (column, value) in zip(tables[name]!.key, key.values) {
        writer.name(column)
        writer.raw(value)
      }
      writer.endObject()
      object = JSONToken(bytes: writer.bytes)
    }
    tables[.ledger]!.put([
      JSONToken(int: Int(nextEntry())), JSONToken(string: name.schema),
      JSONToken(string: name.name), object, JSONToken(string: operation), raw("[]"),
    ])
  }

  /// The table of marker rows.
  func installMarker() {
    tables[.marker] = MemoryTable(
      "sync_heartbeat", key: ["mirror"],
      ["mirror": "text", "beat": "bigint", "written_at": "timestamp with time zone"])
  }

  // What the mirror asks of the ledger.

  func installLedger(for tables: [TableName]) {
    self.tables[.ledger] = MemoryTable(
      "sync_deletions",
      [
        "id": "bigint", "schema_name": "text", "table_name": "text", "primary_key": "jsonb",
        "operation": "text", "processed_by": "text[]",
      ])
    self.tables[.mirrors] = MemoryTable(
      "sync_mirrors", key: ["name"],
      ["name": "text", "last_seen_at": "timestamp with time zone"])
    functions = [
      "sync_register_mirror", "sync_mark_processed", "sync_prune_deletions", "sync_ledger_tables",
      "sync_horizon",
    ]
    logged.formUnion(tables)
  }

  /// Entries that this mirror has not marked.
  func unprocessed(_ mirror: String = "test") -> Int {
    tables[.ledger]!.count([.arrayLacks("processed_by", mirror)])
  }

  func answer(_ function: String, _ arguments: JSONNode) throws(PostgRESTError) -> [UInt8] {
    switch function {
    case "sync_register_mirror":
      let now = clock.withLock { time in
        time += 1
        return time
      }
      tables[.mirrors]!.put([JSONToken(string: arguments["mirror"]!.string!), time(now)])
      return Array("\"2024-01-01T00:00:00+00:00\"".utf8)
    case "sync_mark_processed":
      let mirror = arguments["mirror"]!.string!
      guard tables[.mirrors]!.rows[RowKey([JSONToken(string: mirror)])] != nil else {
        throw error(400, "22023")
      }
      let position = tables[.ledger]!.index("processed_by")
      for id in arguments["ids"]!.array! {
        let key = RowKey([JSONToken(int: id.int!)])
        guard var row = tables[.ledger]!.rows[key]?.tokens else { continue }
        row[position] = raw("[\"\(mirror)\"]")
        tables[.ledger]!.put(row)
      }
      return Array("1".utf8)
    case "sync_prune_deletions":
      let ledger = tables[.ledger]!
      let position = ledger.index("processed_by")
      tables[.ledger]!.rows = ledger.rows.filter { $0.value[position] == raw("[]") }
      return Array("1".utf8)
    case "sync_ledger_tables":
      let rows = logged.map {
        "{\"schema_name\":\"\($0.schema)\",\"table_name\":\"\($0.name)\",\"complete\":true}"
      }
      return Array("[\(rows.joined(separator: ","))]".utf8)
    case "sync_horizon":
      let now = clock.withLock { $0 }
      return time(min(now, running.min() ?? now) - horizonMargin).bytes
    case "sync_sequences": return answerOfSequences()
    case "sync_raise_sequences": return raise(arguments)
    case "sync_disabled_triggers": return answerOfTriggers()
    default: return try digest(function, arguments)
    }
  }
}

extension TableName {
  static let ledger = TableName(name: "sync_deletions")
  static let marker = TableName(name: "sync_heartbeat")
  static let mirrors = TableName(name: "sync_mirrors")
}
