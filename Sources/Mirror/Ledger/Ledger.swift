import JSON
import Supabase

/// The source's record of deletes, key changes and truncates, as the migration's triggers wrote it.
///
/// Entries are read by "not processed by me", never by id, because ids commit out of order.
struct Ledger: Sendable {
  let source: any MirroredProject
  /// The mirror's name, under which it marks entries.
  let mirror: String

  static let table = TableName(name: "sync_deletions")
  static let requiredFunctions = ["sync_mark_processed", "sync_register_mirror"]

  /// One entry: a key to look at again, or a truncate.
  struct Entry: Sendable {
    let id: Int64
    /// nil for a truncate.
    let key: RowKey?
  }

  /// The entries that were committed when the pass began: their tables and ids, ascending.
  ///
  /// A pass replays only these, after it has copied rows: so whatever a deleted parent's children became before
  /// it was deleted has reached the target before a cascade there could take them.
  struct Snapshot: Sendable {
    var ids: [TableName: [Int64]] = [:]
    /// Tables with more entries than a pass takes; the rest waits for the next one.
    var cut: Set<TableName> = []

    func contains(_ id: Int64, of table: TableName) -> Bool {
      guard let ids = ids[table] else { return false }
      var low = 0
      var high = ids.count
      while low < high {
        let middle = (low + high) / 2
        if ids[middle] < id { low = middle + 1 } else { high = middle }
      }
      return low < ids.count && ids[low] == id
    }
  }

  /// Of a group of tables; eight bytes of memory each.
  static let mostEntries = 500_000
  /// Tables that one request asks for, so that its URL stays short.
  private static let groupSize = 20

  /// - Parameter levels: parents before children. A row's entry is seen only together with those of the rows
  ///   that a cascade deleted with it: they were committed with it and are read after it.
  func snapshot(of levels: [[TableName]], pageSize: Int) async throws(LaneStop) -> Snapshot {
    var snapshot = Snapshot()
    // Mostly there are none, which one request tells for all tables.
    if try await page(columns: ["id"], tables: [], after: nil, limit: 1).isEmpty { return snapshot }
    for level in levels {
      for start in stride(from: 0, to: level.count, by: Self.groupSize) {
        let group = Array(level[start..<min(start + Self.groupSize, level.count)])
        try await add(group, to: &snapshot, pageSize: pageSize)
      }
    }
    return snapshot
  }

  private func add(
    _ tables: [TableName], to snapshot: inout Snapshot, pageSize: Int
  ) async throws(LaneStop) {
    let columns = ["id", "schema_name", "table_name"]
    var last: JSONToken?
    var count = 0
    while true {
      let rows = try await page(columns: columns, tables: tables, after: last, limit: pageSize)
      if rows.isEmpty { return }
      for index in rows.rows.indices {
        let values = try tokens(columns, rows, index)
        last = values[0]
        guard let id = Int64(values[0].text), let schema = values[1].string,
          let name = values[2].string
        else { throw unreadable }
        snapshot.ids[TableName(schema: schema, name: name), default: []].append(id)
      }
      count += rows.count
      if count >= Self.mostEntries {
        snapshot.cut.formUnion(tables)
        return
      }
    }
  }

  /// The next unprocessed entries of one table, in the order of ids.
  /// - Returns: nil at the end. `unreadable` counts entries that do not name all key columns.
  func entries(
    of table: TableName, keyColumns: [String], after: Int64?, limit: Int
  ) async throws(LaneStop) -> (entries: [Entry], unreadable: Int, last: Int64)? {
    let rows = try await page(
      columns: ["id", "operation", "primary_key"], tables: [table],
      after: after.map { JSONToken(bytes: Array("\($0)".utf8)) }, limit: limit)
    if rows.isEmpty { return nil }
    var entries: [Entry] = []
    var unreadable = 0
    var last: Int64 = 0
    for index in rows.rows.indices {
      let values = try tokens(["id", "operation", "primary_key"], rows, index)
      guard let id = Int64(values[0].text) else { throw self.unreadable }
      last = id
      if values[1].string == "truncate" {
        entries.append(Entry(id: id, key: nil))
      } else if let key = Self.key(values[2], keyColumns) {
        entries.append(Entry(id: id, key: key))
      } else {
        unreadable += 1
      }
    }
    return (entries, unreadable, last)
  }

  /// Says that this mirror is done with these entries.
  func markProcessed(_ ids: [Int64]) async throws(LaneStop) {
    for start in stride(from: 0, to: ids.count, by: 1_000) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.name("mirror")
      writer.string(mirror)
      writer.name("ids")
      writer.beginArray()
      for id in ids[start..<min(start + 1_000, ids.count)] { writer.number(Int(id)) }
      writer.endArray()
      writer.endObject()
      _ = try await call("sync_mark_processed", writer.bytes)
    }
  }

  /// Makes this mirror one whose marks an entry needs before it may be pruned.
  func register() async throws(LaneStop) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("mirror")
    writer.string(mirror)
    writer.endObject()
    _ = try await call("sync_register_mirror", writer.bytes)
  }

  func prune() async throws(LaneStop) {
    _ = try await call("sync_prune_deletions", Array("{}".utf8))
  }

  /// The tables whose deletes, key changes and truncates the source's triggers log.
  func loggedTables() async throws(LaneStop) -> LoggedTables {
    let body = try await call("sync_ledger_tables", Array("{}".utf8))
    guard let rows = try? JSONRows(body) else { throw unreadable }
    var tables = LoggedTables()
    for index in rows.rows.indices {
      let values = try tokens(["schema_name", "table_name", "complete"], rows, index)
      guard let schema = values[0].string, let name = values[1].string else { throw unreadable }
      let table = TableName(schema: schema, name: name)
      tables.all.insert(table)
      if values[2].text == "true" { tables.complete.insert(table) }
    }
    return tables
  }

  /// - Parameter tables: none are all.
  private func page(
    columns: [String], tables: [TableName], after: JSONToken?, limit: Int
  ) async throws(LaneStop) -> JSONRows {
    var filters: [Filter] = [.arrayLacks("processed_by", mirror)]
    if !tables.isEmpty {
      filters.append(
        .any(
          tables.map { table in
            .all([
              .equal("schema_name", JSONToken(string: table.schema)),
              .equal("table_name", JSONToken(string: table.name)),
            ])
          }))
    }
    if let after { filters.append(.greater("id", after)) }
    var query = ReadQuery(
      table: Self.table, columns: columns, filters: filters, order: ["id"], limit: limit)
    while true {
      do throws(PostgRESTError) {
        return try await source.read(query).rows
      } catch {
        guard error.isCuredBySmallerPage, query.limit > 1 else { throw LaneStop(error) }
        query.limit /= 2
      }
    }
  }

  private func call(_ function: String, _ arguments: [UInt8]) async throws(LaneStop) -> [UInt8] {
    do throws(PostgRESTError) {
      return try await source.rpc(function, schema: "public", arguments: arguments)
    } catch {
      throw LaneStop(error)
    }
  }

  private func tokens(
    _ columns: [String], _ rows: JSONRows, _ index: Int
  ) throws(LaneStop) -> [JSONToken] {
    let values = ((try? rows.values(of: columns, inRow: index)) ?? []).compactMap { $0 }
    guard values.count == columns.count else { throw unreadable }
    return values
  }

  private var unreadable: LaneStop {
    .table(
      "the source's ledger public.sync_deletions answers in another form than expected; apply the "
        + "output of `supamirror migration` again")
  }

  private static func key(_ object: JSONToken, _ columns: [String]) -> RowKey? {
    guard
      let rows = try? JSONRows([UInt8(ascii: "[")] + object.bytes + [UInt8(ascii: "]")]),
      rows.count == 1, let values = try? rows.values(of: columns, inRow: 0)
    else { return nil }
    let found = values.compactMap { $0 }.filter { !$0.isNull && !$0.isContainer }
    return found.count == columns.count ? RowKey(found) : nil
  }
}

/// Tables with triggers of the migration.
struct LoggedTables {
  var all: Set<TableName> = []
  /// Those that have every one of them, enabled.
  var complete: Set<TableName> = []
}
