package import JSON

/// A table's full name.
package struct TableName: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let schema: String
  package let name: String

  package init(schema: String = "public", name: String) {
    self.schema = schema
    self.name = name
  }

  package var description: String { "\(schema).\(name)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.schema, left.name) < (right.schema, right.name)
  }
}

/// One column, as the OpenAPI document tells of it.
package struct Column: Hashable, Sendable {
  package let name: String
  /// The SQL type's name as PostgREST writes it in `format`, e.g. `timestamp with time zone`, `bigint`, `jsonb`, `integer[]`.
  package let format: String
  /// Listed under `required`: not null. (A not-null column with a default is listed as well.)
  package let isNotNull: Bool
  package let isPrimaryKey: Bool
  /// The foreign key's table and column, of the same schema as the document names only the table's name.
  package let references: Reference?
  /// Of an enumerated type, in its order.
  package var labels: [String] = []
  /// The default where it can be told without being computed, such as `now()` of a time; nil says nothing.
  package var defaultText: String?

  package struct Reference: Hashable, Sendable {
    package let table: String
    package let column: String

    package init(table: String, column: String) {
      self.table = table
      self.column = column
    }
  }

  package init(
    name: String, format: String, isNotNull: Bool, isPrimaryKey: Bool, references: Reference?
  ) {
    self.name = name
    self.format = format
    self.isNotNull = isNotNull
    self.isPrimaryKey = isPrimaryKey
    self.references = references
  }
}

/// What a project tells of one table.
package struct TableDescription: Hashable, Sendable {
  package let name: TableName
  /// In the table's order.
  package let columns: [Column]
  /// Whether rows can be written at all; what cannot is a view.
  package var isWritable = true

  package init(name: TableName, columns: [Column]) {
    self.name = name
    self.columns = columns
  }

  package var primaryKey: [String] { columns.filter(\.isPrimaryKey).map(\.name) }
  package subscript(column: String) -> Column? { columns.first { $0.name == column } }
}

/// The tables, views and functions of one schema that the key may see.
package struct Catalogue: Sendable {
  package var tables: [TableName: TableDescription]
  /// Names of the functions under `/rpc/`.
  package var functions: Set<String>

  package init(tables: [TableName: TableDescription], functions: Set<String>) {
    self.tables = tables
    self.functions = functions
  }
}

/// A row's key: the values of the key columns, raw, in the configuration's order.
package struct RowKey: Hashable, Sendable {
  package let values: [JSONToken]

  package init(_ values: [JSONToken]) { self.values = values }
}
