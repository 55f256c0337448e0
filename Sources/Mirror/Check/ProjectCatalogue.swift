package import Supabase

/// All that could be found out about one project without writing anything.
package struct ProjectCatalogue: Sendable {
  /// `source` or `target`.
  package let role: String
  package let url: String
  /// What PostgREST shows of the schemas that were asked for.
  var exposed: Catalogue
  /// Schemas that were asked for and that PostgREST does not serve.
  var hiddenSchemas: Set<String> = []
  /// nil where the migration's functions are not there, or too old to tell.
  var database: DatabaseCatalogue?
  /// Relations that are views, found out without `database`.
  var views: Set<TableName> = []
  /// The project's clock less this machine's; nil: it could not be read.
  var clockOffset: Duration?
  /// The most rows that the server gives at once, where that is fewer than were asked for.
  var rowCap: Int?
  /// Rows of small tables, counted.
  var rowCounts: [TableName: Int] = [:]

  package init(role: String, url: String, exposed: Catalogue) {
    self.role = role
    self.url = url
    self.exposed = exposed
  }

  /// Whether indexes, triggers and publications could be seen.
  package var isDetailed: Bool { database != nil }

  func relation(_ table: TableName) -> Relation? { database?.relations[table] }
}

extension ProjectCatalogue {
  package var unservedSchemas: [String] { hiddenSchemas.sorted() }

  /// What PostgREST would let rows be written to.
  package func writableTables(of schemas: Set<String>) -> [TableName] {
    exposed.tables.values.filter { $0.isWritable && schemas.contains($0.name.schema) }
      .map(\.name).sorted()
  }
}
