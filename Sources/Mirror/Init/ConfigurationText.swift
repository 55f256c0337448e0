import JSON
import Supabase

extension TableConfiguration {
  /// `tables.config.json`, one table a line, so that changes show well.
  ///
  /// - Parameter schemaFile: where editors find what may stand in it.
  package static func text(of tables: [TableConfiguration], schemaFile: String?) -> String {
    let lines = tables.map { table in
      var line =
        "    {\"name\": \(quoted(table.name.name)), \"schema\": \(quoted(table.name.schema)), "
        + "\"primaryKeys\": \(list(table.primaryKeys)), "
        + "\"incrementalFields\": \(list(table.incrementalFields))"
      if !table.realtime { line += ", \"realtime\": false" }
      if !table.reconcile { line += ", \"reconcile\": false" }
      return line + "}"
    }
    return "{\n" + (schemaFile.map { "  \"$schema\": \(quoted($0)),\n" } ?? "")
      + "  \"tables\": [\n" + lines.joined(separator: ",\n") + "\n  ]\n}\n"
  }

  private static func list(_ names: [String]) -> String {
    "[" + names.map(quoted).joined(separator: ", ") + "]"
  }

  private static func quoted(_ text: String) -> String { JSONToken(string: text).text }
}
