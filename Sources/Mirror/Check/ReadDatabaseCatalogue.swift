import JSON
import Supabase

extension DatabaseCatalogue {
  /// nil where the bytes are no answer of `sync_catalogue()`. What a newer one adds is passed over.
  init?(_ bytes: [UInt8]) {
    guard let root = try? JSONNode(parsing: bytes), let version = root["version"]?.int,
      let server = root["server"], let tables = root["tables"]?.array
    else { return nil }
    self.init(version: version, server: Server(server), owner: Owner(root["owner"]))
    bypassesRowSecurity = root["service_role"]?["bypasses_row_security"]?.bool
    publication = root["publication"].flatMap { $0.isNull ? nil : Publication($0) }
    functions = Set(root["functions"].strings)
    hasLedger = root["ledger"]?.bool ?? false
    hasMarker = root["marker"]?.bool ?? false
    isMarkerPublished = root["marker_published"]?.bool ?? false
    for node in root["logged"]?.array ?? [] {
      guard let name = TableName(node) else { return nil }
      logged[name] = Logged(
        isComplete: node["complete"]?.bool ?? false, keyColumns: node["key_columns"].strings)
    }
    for node in tables {
      guard let relation = Relation(node) else { return nil }
      relations[relation.name] = relation
    }
  }
}

extension DatabaseCatalogue.Server {
  fileprivate init(_ node: JSONNode) {
    version = node["version"]?.string.map { String($0.prefix { $0 != " " }) } ?? ""
    identity = "\(node["started"]?.int ?? 0) \(node["database"]?.string ?? "")"
    clock = Int64(node["clock"]?.int ?? 0)
    timeZone = node["time_zone"]?.string ?? ""
    collation = node["collation"]?.string ?? ""
    walLevel = node["wal_level"]?.string ?? ""
  }
}

extension DatabaseCatalogue.Owner {
  fileprivate init(_ node: JSONNode?) {
    name = node?["name"]?.string ?? ""
    readsStatistics = node?["reads_stats"]?.bool ?? false
    setsReplicationRole = node?["sets_replication_role"]?.bool ?? false
  }
}

extension DatabaseCatalogue.Publication {
  fileprivate init(_ node: JSONNode) {
    isComplete = ["insert", "update", "delete"].allSatisfy { node[$0]?.bool ?? false }
    viaRoot = node["via_root"]?.bool ?? false
  }
}

extension TableName {
  fileprivate init?(_ node: JSONNode, _ member: String = "name") {
    guard let schema = node["schema"]?.string, let name = node[member]?.string else { return nil }
    self.init(schema: schema, name: name)
  }
}

extension Relation {
  fileprivate init?(_ node: JSONNode) {
    guard let name = TableName(node), let kind = node["kind"]?.string.flatMap(Kind.init) else {
      return nil
    }
    self.init(name: name, kind: kind)
    partitionOf = node["partition_of"]?.string
    isUnlogged = node["unlogged"]?.bool ?? false
    hasRowSecurity = node["row_security"]?.bool ?? false
    replicaIdentity = node["replica_identity"]?.string ?? "default"
    isIdentified = node["identified"]?.bool ?? true
    isPublished = node["published"]?.bool ?? false
    publishedColumns = node["published_columns"]?.array?.compactMap(\.string)
    rowFilter = node["row_filter"]?.string
    rows = node["rows"]?.int ?? -1
    bytes = node["bytes"]?.int ?? 0
    privileges = Set(node["privileges"].strings.compactMap(Privilege.init))
    rules = node["rules"].strings
    columns = node["columns"].nodes.compactMap(Attribute.init)
    indexes = node["indexes"].nodes.compactMap(Index.init)
    foreignKeys = node["foreign_keys"].nodes.compactMap(ForeignKey.init)
    checks = node["checks"].nodes.compactMap(NamedDefinition.init)
    triggers = node["triggers"].nodes.compactMap(Trigger.init)
  }
}

extension Relation.Attribute {
  fileprivate init?(_ node: JSONNode) {
    guard let name = node["name"]?.string, let type = node["type"]?.string else { return nil }
    self.init(name: name, type: type)
    base = node["base"]?.string
    isNotNull = node["not_null"]?.bool ?? false
    defaultExpression = node["default"]?.string
    generated = node["generated"]?.string
    identity = node["identity"]?.string
    collation = node["collation"]?.string
    enumeration = node["enum"]?.string
    labels = node["labels"].strings
    domain = node["domain"]?.string
    domainChecks = node["domain_checks"].nodes.compactMap(Relation.NamedDefinition.init)
  }
}

extension Relation.Index {
  fileprivate init?(_ node: JSONNode) {
    guard let name = node["name"]?.string, let columns = node["columns"]?.array else { return nil }
    self.init(name: name, columns: columns.map(\.string))
    constraint = node["constraint"]?.string
    isUnique = node["unique"]?.bool ?? false
    isPrimary = node["primary"]?.bool ?? false
    isValid = node["valid"]?.bool ?? false
    isImmediate = node["immediate"]?.bool ?? true
    isPartial = node["partial"]?.bool ?? false
  }
}

extension Relation.ForeignKey {
  fileprivate init?(_ node: JSONNode) {
    guard let name = node["name"]?.string, let table = TableName(node, "table") else { return nil }
    self.init(name: name, columns: node["columns"].strings, table: table)
  }
}

extension Relation.NamedDefinition {
  fileprivate init?(_ node: JSONNode) {
    guard let name = node["name"]?.string, let definition = node["definition"]?.string else {
      return nil
    }
    self.init(name: name, definition: definition)
  }
}

extension Relation.Trigger {
  fileprivate init?(_ node: JSONNode) {
    guard let name = node["name"]?.string, let function = node["function"]?.string else {
      return nil
    }
    self.init(name: name, function: function)
    enabled = node["enabled"]?.string ?? "O"
    isBefore = node["before"]?.bool ?? false
    isPerRow = node["row"]?.bool ?? false
    events = Set(node["events"].strings)
    assigns = Set(node["assigns"].strings)
    isOurs = node["ours"]?.bool ?? false
  }
}

extension JSONNode? {
  fileprivate var nodes: [JSONNode] { self?.array ?? [] }
  fileprivate var strings: [String] { nodes.compactMap(\.string) }
}
