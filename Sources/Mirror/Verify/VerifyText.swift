import JSON
package import Supabase

/// The text of the file that `VerifyStore` keeps. Raw tokens are strings that hold their bytes, as in the state file.
package enum VerifyText {
  static let version = 1

  package static func write(
    _ records: [TableName: VerifyRecord], _ identity: MirrorIdentity
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("version")
    writer.number(version)
    writer.name("epoch")
    writer.string(identity.epoch)
    writer.name("mirror")
    writer.string(identity.name)
    writer.name("tables")
    writer.beginArray()
    for (name, record) in records.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.write(name)
      writer.write("keyColumns", record.keyColumns)
      writer.write("columns", record.columns)
      if let running = record.running {
        writer.name("running")
        writer.beginObject()
        writer.name("found")
        writer.write(running.found)
        if let after = running.after { writer.write("after", after.values.map(\.text)) }
        writer.name("isScanned")
        writer.bool(running.isScanned)
        writer.name("isByKey")
        writer.bool(running.isByKey)
        writer.name("isSourceListed")
        writer.bool(running.isSourceListed)
        writer.name("suspects")
        writer.beginArray()
        for key in running.suspects { writer.write(key) }
        writer.endArray()
        writer.endObject()
      }
      if let result = record.result {
        writer.name("result")
        writer.write(result)
      }
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  /// nil where it cannot be read or belongs to another pair.
  package static func read(
    _ bytes: [UInt8], _ identity: MirrorIdentity
  ) -> [TableName: VerifyRecord]? {
    guard let root = try? JSONNode(parsing: bytes), root["version"]?.int == version,
      root["epoch"]?.string == identity.epoch, root["mirror"]?.string == identity.name,
      let tables = root["tables"]?.array
    else { return nil }
    var records: [TableName: VerifyRecord] = [:]
    for node in tables {
      guard let schema = node["schema"]?.string, let table = node["table"]?.string,
        let keyColumns = strings(node["keyColumns"]), let columns = strings(node["columns"])
      else { return nil }
      let name = TableName(schema: schema, name: table)
      var record = VerifyRecord(keyColumns: keyColumns, columns: columns)
      record.result = node["result"].flatMap { found($0, name) }
      record.running = node["running"].flatMap { progress($0, name) }
      records[name] = record
    }
    return records
  }

  private static func progress(_ node: JSONNode, _ name: TableName) -> VerifyRecord.Progress? {
    guard let found = node["found"].flatMap({ found($0, name) }),
      let suspects = node["suspects"]?.array
    else { return nil }
    var progress = VerifyRecord.Progress(found)
    if let after = node["after"] {
      guard let key = key(after) else { return nil }
      progress.after = key
    }
    progress.isScanned = node["isScanned"]?.bool ?? false
    progress.isByKey = node["isByKey"]?.bool ?? false
    progress.isSourceListed = node["isSourceListed"]?.bool ?? false
    progress.suspects = suspects.compactMap(key)
    return progress.suspects.count == suspects.count ? progress : nil
  }

  private static func found(_ node: JSONNode, _ name: TableName) -> TableVerification? {
    guard let way = node["way"]?.string.flatMap(TableVerification.Way.init),
      let begunAt = node["begunAt"]?.int, let sourceRows = node["sourceRows"]?.int,
      let targetRows = node["targetRows"]?.int, let counts = node["counts"]?.members,
      let columns = node["columns"]?.members, let faults = node["faults"]?.array
    else { return nil }
    var found = TableVerification(table: name, way: way, begunAt: Int64(begunAt))
    found.endedAt = node["endedAt"]?.int.map { Int64($0) }
    found.sourceRows = sourceRows
    found.targetRows = targetRows
    for member in counts {
      guard let kind = TableVerification.Kind(rawValue: member.name), let count = member.node.int
      else { return nil }
      found.counts[kind] = count
    }
    for member in columns {
      guard let count = member.node.int else { return nil }
      found.columns[member.name] = count
    }
    for fault in faults {
      guard let kind = fault["kind"]?.string.flatMap(TableVerification.Kind.init),
        let key = fault["key"].flatMap(key)
      else { return nil }
      found.faults.append(TableVerification.Fault(kind, key))
    }
    found.failure = node["failure"]?.string
    found.notes = strings(node["notes"]) ?? []
    found.elapsed = .milliseconds(node["milliseconds"]?.int ?? 0)
    return found
  }

  private static func strings(_ node: JSONNode?) -> [String]? {
    guard let array = node?.array else { return nil }
    let strings = array.compactMap(\.string)
    return strings.count == array.count ? strings : nil
  }

  private static func key(_ node: JSONNode) -> RowKey? {
    guard let texts = strings(node) else { return nil }
    let tokens = texts.compactMap { try? JSONToken(checking: Array($0.utf8)) }
    return tokens.count == texts.count ? RowKey(tokens) : nil
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ name: TableName) {
    self.name("schema")
    string(name.schema)
    self.name("table")
    string(name.name)
  }

  fileprivate mutating func write(_ name: String, _ strings: [String]) {
    self.name(name)
    beginArray()
    for text in strings { string(text) }
    endArray()
  }

  fileprivate mutating func write(_ key: RowKey) {
    beginArray()
    for value in key.values { string(value.text) }
    endArray()
  }

  fileprivate mutating func write(_ found: TableVerification) {
    beginObject()
    name("way")
    string(found.way.rawValue)
    name("begunAt")
    number(Int(found.begunAt))
    if let endedAt = found.endedAt {
      name("endedAt")
      number(Int(endedAt))
    }
    name("sourceRows")
    number(found.sourceRows)
    name("targetRows")
    number(found.targetRows)
    name("counts")
    beginObject()
    for kind in TableVerification.Kind.allCases where found[kind] > 0 {
      name(kind.rawValue)
      number(found[kind])
    }
    endObject()
    name("columns")
    beginObject()
    for (column, count) in found.columns.sorted(by: { $0.key < $1.key }) {
      name(column)
      number(count)
    }
    endObject()
    name("faults")
    beginArray()
    for fault in found.faults {
      beginObject()
      name("kind")
      string(fault.kind.rawValue)
      name("key")
      write(fault.key)
      endObject()
    }
    endArray()
    if let failure = found.failure {
      name("failure")
      string(failure)
    }
    write("notes", found.notes)
    name("milliseconds")
    number(Int(found.elapsed / .milliseconds(1)))
    endObject()
  }
}
