import JSON
import Supabase

/// The text of a plan that is kept. It holds keys, which are data. Raw tokens are strings that hold their bytes, as in
/// the state file.
package enum RecoveryPlanText {
  static let version = 1

  package static func write(_ plan: RecoveryPlan) -> [UInt8] {
    var writer = JSONWriter(indentation: 1)
    writer.beginObject()
    writer.name("recoveryPlan")
    writer.number(version)
    writer.write("pair", plan.pair)
    writer.write("madeAt", TimeText.timestamp(plan.madeAt, offset: "Z"))
    writer.write("mode", plan.mode.rawValue)
    writer.name("deletesExtra")
    writer.bool(plan.deletesExtra)
    writer.name("overwritesNewer")
    writer.bool(plan.overwritesNewer)
    writer.name("tables")
    writer.beginArray()
    for table in plan.tables { write(table, &writer) }
    writer.endArray()
    writer.endObject()
    return writer.bytes + [0x0A]
  }

  private static func write(_ table: RecoveryPlan.Table, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.write("schema", table.name.schema)
    writer.write("table", table.name.name)
    writer.write("keyColumns", table.keyColumns)
    writer.write("columns", table.columns)
    writer.write("field", table.field)
    for (name, count) in [("newer", table.newer), ("left", table.left)] {
      writer.name(name)
      writer.number(count)
    }
    writer.name("missingRanges")
    writer.beginArray()
    for run in table.runs {
      writer.beginObject()
      if let lower = run.span.lower { writer.write("after", lower.values.map(\.text)) }
      if let upper = run.span.upper { writer.write("upTo", upper.values.map(\.text)) }
      writer.name("rows")
      writer.number(run.rows)
      writer.endObject()
    }
    writer.endArray()
    writer.name("missing")
    writer.beginArray()
    for key in table.missing { writer.compact(key.values.map(\.text)) }
    writer.endArray()
    for (name, rows) in [("different", table.different), ("extra", table.extra)] {
      writer.name(name)
      writer.beginArray()
      for row in rows {
        writer.beginObject()
        writer.write("key", row.key.values.map(\.text))
        writer.write("version", row.version.text)
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
  }

  /// - Throws: why it is no plan that can be carried out, in a sentence without what stands in it.
  package static func read(
    _ bytes: [UInt8], path: String
  ) throws(ConfigurationError) -> RecoveryPlan {
    guard let root = try? JSONNode(parsing: bytes), let version = root["recoveryPlan"]?.int else {
      throw ConfigurationError(["\(path) is no plan that supamirror recover --dry-run --plan wrote"]
      )
    }
    guard version == Self.version else {
      throw ConfigurationError([
        "\(path) is a plan of another version of supamirror; make a new one"
      ])
    }
    guard let pair = root["pair"]?.string,
      let madeAt = root["madeAt"]?.string.flatMap(TimeText.microseconds),
      let mode = root["mode"]?.string.flatMap(RecoveryPlan.Mode.init),
      let deletesExtra = root["deletesExtra"]?.bool,
      let overwritesNewer = root["overwritesNewer"]?.bool, let nodes = root["tables"]?.array
    else { throw damaged(path) }
    var plan = RecoveryPlan(
      pair: pair, madeAt: madeAt, mode: mode, deletesExtra: deletesExtra,
      overwritesNewer: overwritesNewer)
    for node in nodes {
      guard let table = table(node), deletesExtra || table.extra.isEmpty,
        mode == .comprehensive || table.different.isEmpty
      else { throw damaged(path) }
      plan.tables.append(table)
    }
    guard Set(plan.tables.map(\.name)).count == plan.tables.count else { throw damaged(path) }
    return plan
  }

  private static func damaged(_ path: String) -> ConfigurationError {
    ConfigurationError(["\(path) is damaged, or was changed by hand; make a new plan"])
  }

  private static func table(_ node: JSONNode) -> RecoveryPlan.Table? {
    guard let schema = node["schema"]?.string, let name = node["table"]?.string,
      let keyColumns = strings(node["keyColumns"]), let columns = strings(node["columns"]),
      let field = node["field"]?.string, let newer = node["newer"]?.int,
      let left = node["left"]?.int,
      let runs = node["missingRanges"]?.array, let missing = node["missing"]?.array,
      let different = node["different"]?.array, let extra = node["extra"]?.array,
      !keyColumns.isEmpty
    else { return nil }
    var table = RecoveryPlan.Table(
      TableName(schema: schema, name: name), keyColumns: keyColumns, columns: columns,
      field: field)
    table.newer = newer
    table.left = left
    let key = { (node: JSONNode) in Self.key(node, keyColumns.count) }
    for run in runs {
      guard let rows = run["rows"]?.int else { return nil }
      var span = KeySpan.all
      if let after = run["after"] {
        guard let lower = key(after) else { return nil }
        span.lower = lower
      }
      if let upTo = run["upTo"] {
        guard let upper = key(upTo) else { return nil }
        span.upper = upper
      }
      table.runs.append(TableVerification.Run(span, rows: rows))
    }
    let row = { (node: JSONNode) -> RecoveryPlan.Row? in
      guard let key = node["key"].flatMap(key), let text = node["version"]?.string,
        let version = try? JSONToken(checking: Array(text.utf8))
      else { return nil }
      return RecoveryPlan.Row(key, version: version)
    }
    table.missing = missing.compactMap(key)
    table.different = different.compactMap(row)
    table.extra = extra.compactMap(row)
    guard table.missing.count == missing.count, table.different.count == different.count,
      table.extra.count == extra.count
    else { return nil }
    return table
  }

  private static func strings(_ node: JSONNode?) -> [String]? {
    guard let array = node?.array else { return nil }
    let strings = array.compactMap(\.string)
    return strings.count == array.count ? strings : nil
  }

  private static func key(_ node: JSONNode, _ columns: Int) -> RowKey? {
    guard let texts = strings(node), texts.count == columns else { return nil }
    let tokens = texts.compactMap { try? JSONToken(checking: Array($0.utf8)) }
    return tokens.count == texts.count ? RowKey(tokens) : nil
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ name: String, _ text: String) {
    self.name(name)
    string(text)
  }

  fileprivate mutating func write(_ name: String, _ strings: [String]) {
    self.name(name)
    compact(strings)
  }

  /// In one line: there may be many of them.
  fileprivate mutating func compact(_ strings: [String]) {
    var writer = JSONWriter()
    writer.beginArray()
    for text in strings { writer.string(text) }
    writer.endArray()
    raw(writer.bytes)
  }
}
