import JSON
package import Supabase

/// Why a state file cannot be used. It is never overwritten then.
package struct StateError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// Which pair of projects a state belongs to, and the mirror's name in the ledger.
package struct MirrorIdentity: Hashable, Sendable {
  /// A digest of both URLs.
  package let epoch: String
  package let name: String

  package init(epoch: String, name: String) {
    self.epoch = epoch
    self.name = name
  }
}

/// The state file's text. Raw tokens are kept as strings that hold their bytes, so that reading them back gives
/// the same bytes.
package enum StateText {
  package static let version = 1

  package static func write(
    _ tables: [TableName: TableState], _ identity: MirrorIdentity
  ) -> [UInt8] {
    var writer = JSONWriter(indentation: 1)
    writer.beginObject()
    writer.name("version")
    writer.number(version)
    writer.name("epoch")
    writer.string(identity.epoch)
    writer.name("mirror")
    writer.string(identity.name)
    writer.name("tables")
    writer.beginArray()
    for (name, state) in tables.sorted(by: { $0.key < $1.key }) { write(name, state, &writer) }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ name: TableName, _ state: TableState, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("schema")
    writer.string(name.schema)
    writer.name("table")
    writer.string(name.name)
    writer.name("field")
    writer.string(state.field)
    writer.name("keyColumns")
    write(state.keyColumns, &writer)
    if let checkpoint = state.checkpoint {
      writer.name("checkpoint")
      writer.string(checkpoint.text)
    }
    if let held = state.held {
      writer.name("held")
      writer.beginObject()
      writer.name("checkpoint")
      writer.string(held.checkpoint.text)
      writer.name("isPassed")
      writer.bool(held.isPassed)
      writer.endObject()
    }
    if let columns = state.columns {
      writer.name("columns")
      write(columns, &writer)
    }
    if let shape = state.shape { write(shape, &writer) }
    if !state.triggers.isEmpty {
      writer.name("triggers")
      write(state.triggers.sorted(), &writer)
    }
    if let reason = state.copyReason {
      writer.name("copyReason")
      writer.string(reason)
    }
    if let scan = state.scan {
      writer.name("scan")
      writer.beginObject()
      writer.name("cursor")
      write(scan.cursor.values.map(\.text), &writer)
      if let cap = scan.cap {
        writer.name("cap")
        writer.string(cap.text)
      }
      writer.endObject()
    }
    if let backfill = state.backfill {
      writer.name("backfill")
      write(backfill, &writer)
    }
    if state.isCopiedWhole {
      writer.name("copiedWhole")
      writer.bool(true)
    }
    if state.readsAll {
      writer.name("readsAll")
      writer.bool(true)
    }
    if state.heldDeletes > 0 {
      writer.name("heldDeletes")
      writer.number(state.heldDeletes)
    }
    if let count = state.jsonbNulls {
      writer.name("jsonbNulls")
      writer.number(count)
    }
    if state.jsonbNullsCounted != 0 {
      writer.name("jsonbNullsCounted")
      writer.number(Int(state.jsonbNullsCounted))
    }
    if !state.quarantine.isEmpty {
      writer.name("quarantine")
      writer.beginArray()
      for (key, row) in state.quarantine.sorted(by: { $0.value.since < $1.value.since }) {
        writer.beginObject()
        writer.name("key")
        write(key.values.map(\.text), &writer)
        writer.name("code")
        writer.string(row.code)
        writer.name("reason")
        writer.string(row.reason)
        writer.name("attempts")
        writer.number(row.attempts)
        writer.name("since")
        writer.number(Int(row.since))
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
  }

  static func write(_ strings: [String], _ writer: inout JSONWriter) {
    writer.beginArray()
    for string in strings { writer.string(string) }
    writer.endArray()
  }

  /// - Parameter path: only for messages.
  package static func read(
    _ bytes: [UInt8], _ identity: MirrorIdentity, path: String
  ) throws(StateError) -> [TableName: TableState] {
    let root: JSONNode
    do {
      root = try JSONNode(parsing: bytes)
    } catch {
      throw damaged(path, "\(error)")
    }
    guard let found = root["version"]?.int else { throw damaged(path, "it has no version") }
    guard found > 0 else { throw damaged(path, "its version is \(found)") }
    guard found <= version else {
      throw StateError(
        "the state file \(path) is of version \(found), this program knows \(version): use the "
          + "newer program that wrote it; the file was left as it is")
    }
    guard let epoch = root["epoch"]?.string, let mirror = root["mirror"]?.string,
      let tables = root["tables"]?.array
    else { throw damaged(path, "epoch, mirror or tables is missing") }
    guard epoch == identity.epoch, mirror == identity.name else {
      throw StateError(
        "the state file \(path) belongs to another pair of projects or another mirror name: set "
          + "SYNC_STATE_PATH to a file of its own for this pair; the file was left as it is")
    }
    var result: [TableName: TableState] = [:]
    for node in tables {
      guard let (name, state) = table(node) else {
        throw damaged(path, "a table's entry at byte \(node.offset) cannot be read")
      }
      result[name] = state
    }
    return result
  }

  private static func damaged(_ path: String, _ what: String) -> StateError {
    StateError(
      "the state file \(path) cannot be read (\(what)); it was left as it is: restore it from a "
        + "backup, or move it away to start again with SYNC_INITIAL_BACKFILL_MS=all")
  }

  private static func table(_ node: JSONNode) -> (TableName, TableState)? {
    guard let schema = node["schema"]?.string, let table = node["table"]?.string,
      let field = node["field"]?.string, let keyColumns = strings(node["keyColumns"])
    else { return nil }
    var state = TableState(field: field, keyColumns: keyColumns)
    if let checkpoint = node["checkpoint"] {
      guard let token = token(checkpoint) else { return nil }
      state.checkpoint = token
    }
    if let held = node["held"] {
      guard let token = held["checkpoint"].flatMap(token), let isPassed = held["isPassed"]?.bool
      else {
        return nil
      }
      state.held = HeldCheckpoint(checkpoint: token, isPassed: isPassed)
    }
    if let columns = node["columns"] {
      guard let names = strings(columns) else { return nil }
      state.columns = names
    }
    if let scan = node["scan"] {
      guard let values = tokens(scan["cursor"]), !values.isEmpty else { return nil }
      state.scan = OpenScan(cursor: Cursor(values), cap: nil)
      if let cap = scan["cap"] {
        guard let token = token(cap) else { return nil }
        state.scan?.cap = token
      }
    }
    if let types = node["types"] {
      guard let shape = shape(types, node["typesOnTarget"]) else { return nil }
      state.shape = shape
    }
    state.triggers = Set(strings(node["triggers"]) ?? [])
    state.copyReason = node["copyReason"]?.string
    if let node = node["backfill"] {
      guard let backfill = backfill(node, keyColumns: keyColumns) else { return nil }
      state.backfill = backfill
    }
    return rest(node, TableName(schema: schema, name: table), state)
  }

  private static func rest(
    _ node: JSONNode, _ name: TableName, _ known: TableState
  ) -> (TableName, TableState)? {
    var state = known
    state.readsAll = node["readsAll"]?.bool ?? false
    state.isCopiedWhole = node["copiedWhole"]?.bool ?? false
    state.heldDeletes = node["heldDeletes"]?.int ?? 0
    state.jsonbNulls = node["jsonbNulls"]?.int
    state.jsonbNullsCounted = Int64(node["jsonbNullsCounted"]?.int ?? 0)
    if let rows = node["quarantine"] {
      guard let rows = rows.array else { return nil }
      for row in rows {
        guard let key = tokens(row["key"]), let code = row["code"]?.string,
          let reason = row["reason"]?.string, let attempts = row["attempts"]?.int,
          let since = row["since"]?.int
        else { return nil }
        state.quarantine[RowKey(key)] = QuarantinedRow(
          code: code, reason: reason, attempts: attempts, since: Int64(since))
      }
    }
    return (name, state)
  }

  private static func strings(_ node: JSONNode?) -> [String]? {
    guard let array = node?.array else { return nil }
    let strings = array.compactMap(\.string)
    return strings.count == array.count ? strings : nil
  }

  static func token(_ node: JSONNode) -> JSONToken? {
    node.string.flatMap { try? JSONToken(checking: Array($0.utf8)) }
  }

  static func tokens(_ node: JSONNode?) -> [JSONToken]? {
    guard let array = node?.array else { return nil }
    let tokens = array.compactMap(token)
    return tokens.count == array.count ? tokens : nil
  }
}
