import JSON
package import Supabase

/// A trigger of a mirrored table that is switched off.
package struct DisabledTrigger: Hashable, Sendable {
  package let table: TableName
  package let name: String
  /// It belongs to a constraint.
  package let isInternal: Bool

  package init(table: TableName, name: String, isInternal: Bool = false) {
    self.table = table
    self.name = name
    self.isInternal = isInternal
  }

  /// What switches it on again.
  package var sql: String {
    "alter table \(Self.quoted(table.schema)).\(Self.quoted(table.name)) enable trigger "
      + Self.quoted(name) + ";"
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }

  /// - Returns: nil for an answer in another form.
  static func read(_ body: [UInt8]) -> [DisabledTrigger]? {
    guard let nodes = (try? JSONNode(parsing: body))?.array else { return nil }
    let triggers = nodes.compactMap { node -> DisabledTrigger? in
      guard let schema = node["schema"]?.string, let table = node["table"]?.string,
        let name = node["name"]?.string, let isInternal = node["is_internal"]?.bool
      else { return nil }
      return DisabledTrigger(
        table: TableName(schema: schema, name: table), name: name, isInternal: isInternal)
    }
    return triggers.count == nodes.count ? triggers : nil
  }
}
