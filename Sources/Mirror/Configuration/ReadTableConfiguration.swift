import JSON
import Supabase

extension TableConfiguration {
  /// Reads `tables.config.json`.
  ///
  /// - Throws: all problems at once, each with `path:line:column`.
  package static func read(
    _ bytes: [UInt8], path: String
  ) throws(ConfigurationError) -> [TableConfiguration] {
    var reader = TableReader(bytes: bytes, path: path)
    let document: JSONNode
    do {
      document = try JSONNode(parsing: bytes)
    } catch {
      throw ConfigurationError([reader.sentence(error.reason.rawValue, at: error.offset)])
    }
    let tables = reader.tables(document)
    guard reader.problems.isEmpty else {
      throw ConfigurationError(reader.problems.sorted { $0.offset < $1.offset }.map(\.sentence))
    }
    return tables
  }
}

private struct TableReader {
  let bytes: [UInt8]
  let path: String
  var problems: [(offset: Int, sentence: String)] = []

  init(bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  func sentence(_ problem: String, at offset: Int) -> String {
    let (line, column) = JSONText.position(ofByte: offset, in: bytes)
    return "\(path):\(line):\(column): \(problem)"
  }

  private mutating func note(_ problem: String, at offset: Int) {
    problems.append((offset, sentence(problem, at: offset)))
  }

  mutating func tables(_ document: JSONNode) -> [TableConfiguration] {
    guard document.members != nil else {
      note("the file must hold an object with \"tables\"", at: document.offset)
      return []
    }
    checkNames(of: document, among: ["tables", "$schema"])
    guard let list = document["tables"] else {
      note("\"tables\" is missing", at: document.offset)
      return []
    }
    guard let elements = list.array, !elements.isEmpty else {
      note("\"tables\" must be a list of at least one table", at: list.offset)
      return []
    }
    var tables: [TableConfiguration] = []
    var seen: [TableName: Int] = [:]
    for element in elements {
      guard let table = table(element) else { continue }
      if let first = seen[table.name] {
        let line = JSONText.position(ofByte: first, in: bytes).line
        note("\(table.name) is already listed in line \(line)", at: element.offset)
      } else {
        seen[table.name] = element.offset
        tables.append(table)
      }
    }
    return tables
  }

  private static let members = [
    "name", "schema", "primaryKeys", "incrementalFields", "realtime", "reconcile",
  ]

  private mutating func table(_ node: JSONNode) -> TableConfiguration? {
    guard node.members != nil else {
      note("a table must be an object", at: node.offset)
      return nil
    }
    checkNames(of: node, among: Self.members)
    let reconcile = bool("reconcile", of: node)
    let realtime = bool("realtime", of: node)
    let keys = names("primaryKeys", of: node)
    if keys?.isEmpty ?? false { noteNoKey(node) }
    if node["primaryKeys"] == nil { noteNoKey(node) }
    let fields = names("incrementalFields", of: node)
    if reconcile, node["incrementalFields"] == nil || fields?.isEmpty ?? false {
      note(
        "\"incrementalFields\" must name a column that every change moves forward, "
          + "unless \"reconcile\" is false",
        at: node["incrementalFields"]?.offset ?? node.offset)
    }
    guard let name = name(of: node) else { return nil }
    return TableConfiguration(
      name: name, primaryKeys: keys ?? [], incrementalFields: fields ?? [], realtime: realtime,
      reconcile: reconcile)
  }

  private mutating func noteNoKey(_ node: JSONNode) {
    note(
      "\"primaryKeys\" must name the columns of the table's primary key",
      at: node["primaryKeys"]?.offset ?? node.offset)
  }

  private mutating func name(of node: JSONNode) -> TableName? {
    var schema = "public"
    if let given = node["schema"] {
      guard let text = given.string, Self.isIdentifier(text) else {
        note("\"schema\" must be the name of a schema", at: given.offset)
        return nil
      }
      schema = text
    }
    guard let given = node["name"] else {
      note("the table's \"name\" is missing", at: node.offset)
      return nil
    }
    guard let text = given.string, Self.isIdentifier(text) else {
      note("\"name\" must be the name of a table", at: given.offset)
      return nil
    }
    if text.contains("."), node["schema"] == nil {
      note(
        "\"name\" is the table's name alone; its schema belongs into \"schema\" "
          + "(with a \"schema\", a dot in the name is taken as it is)", at: given.offset)
      return nil
    }
    let table = TableName(schema: schema, name: text)
    if Self.ownTables.contains(table) {
      note("\(table) is the mirror's own and differs between projects", at: given.offset)
      return nil
    }
    return table
  }

  /// Copying them would mark deletes as processed that never were.
  private static let ownTables: Set<TableName> = [
    TableName(name: "sync_deletions"), TableName(name: "sync_mirrors"),
    TableName(name: "sync_heartbeat"),
  ]

  private static func isIdentifier(_ text: String) -> Bool {
    !text.isEmpty && !text.utf8.contains(0)
  }

  private mutating func bool(_ name: String, of node: JSONNode) -> Bool {
    guard let given = node[name] else { return true }
    guard let bool = given.bool else {
      note("\"\(name)\" must be true or false", at: given.offset)
      return true
    }
    return bool
  }

  /// A list of different columns; nil where there is none that can be read.
  private mutating func names(_ name: String, of node: JSONNode) -> [String]? {
    guard let given = node[name] else { return nil }
    guard let elements = given.array else {
      note("\"\(name)\" must be a list of columns", at: given.offset)
      return nil
    }
    var names: [String] = []
    var isComplete = true
    for element in elements {
      guard let column = element.string, Self.isIdentifier(column) else {
        note("\"\(name)\" must hold the names of columns", at: element.offset)
        isComplete = false
        continue
      }
      if names.contains(column) {
        note("\(JSONToken(string: column).text) stands twice in \"\(name)\"", at: element.offset)
      }
      names.append(column)
    }
    return isComplete ? names : nil
  }

  private mutating func checkNames(of node: JSONNode, among known: [String]) {
    var seen: Set<String> = []
    for member in node.members ?? [] {
      let shown = JSONToken(string: member.name).text
      if !known.contains(member.name) {
        let suggestion = NearestName.suggestion(for: member.name, among: known)
        note("\(shown) is not a setting of this place\(suggestion)", at: member.nameOffset)
      } else if !seen.insert(member.name).inserted {
        note("\(shown) is given twice", at: member.nameOffset)
      }
    }
  }
}
