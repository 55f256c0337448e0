import JSON
import Mirror
import Supabase
import Transport

/// What people do to tables while a mirror runs.
extension MemoryProject {
  func add(
    _ column: String, _ format: String = "text", to name: String, isNotNull: Bool = false,
    _ value: @escaping ([JSONToken]) -> JSONToken = { _ in .null }
  ) {
    reshape(name) { table in
      table.columns.append(
        Column(
          name: column, format: format, isNotNull: isNotNull, isPrimaryKey: false, references: nil))
      return { $0 + [value($0)] }
    }
  }

  func drop(_ column: String, of name: String) {
    reshape(name) { table in
      let position = table.index(column)
      table.columns.remove(at: position)
      return { row in
        var row = row
        row.remove(at: position)
        return row
      }
    }
  }

  func rename(_ column: String, to new: String, of name: String) {
    reshape(name) { table in
      let old = table.columns[table.index(column)]
      table.columns[table.index(column)] = Column(
        name: new, format: old.format, isNotNull: old.isNotNull, isPrimaryKey: old.isPrimaryKey,
        references: old.references)
      return { $0 }
    }
  }

  func retype(
    _ column: String, to format: String, of name: String,
    _ value: @escaping (JSONToken) -> JSONToken = { $0 }
  ) {
    reshape(name) { table in
      let position = table.index(column)
      let old = table.columns[position]
      table.columns[position] = Column(
        name: column, format: format, isNotNull: old.isNotNull, isPrimaryKey: old.isPrimaryKey,
        references: old.references)
      return { row in
        var row = row
        row[position] = value(row[position])
        return row
      }
    }
  }

  private func reshape(
    _ name: String, _ change: (inout MemoryTable) -> ([JSONToken]) -> [JSONToken]
  ) {
    var table = tables[TableName(name: name)]!
    let row = change(&table)
    let rows = table.rows.values.map { row($0.tokens) }
    table.rows = [:]
    for row in rows { table.put(row) }
    tables[table.name] = table
  }

  /// As a server refuses columns that its tables lack.
  func require(
    _ columns: [String], of name: TableName, isWrite: Bool = false
  ) throws(PostgRESTError) {
    let known = Set(tables[name]!.columns.map(\.name))
    guard let unknown = columns.first(where: { !known.contains($0) }) else { return }
    throw error(
      400, isWrite ? "PGRST204" : "42703", name, isWrite: isWrite, subject: unknown)
  }
}

extension Filter {
  /// Every column that it names.
  var columns: [String] {
    switch self {
    case .equal(let column, _), .lessOrEqual(let column, _), .greater(let column, _),
      .greaterOrEqual(let column, _), .isNull(let column), .isNotNull(let column),
      .arrayLacks(let column, _):
      [column]
    case .after(let columns, _), .notAfter(let columns, _): columns
    case .all(let parts), .any(let parts): parts.flatMap(\.columns)
    }
  }
}

extension MemoryTable {
  /// Rows by key, values by name: equal whatever the columns' order.
  var byName: [RowKey: [String: JSONToken]] {
    rows.mapValues { row in
      Dictionary(uniqueKeysWithValues: zip(columns.map(\.name), row.tokens))
    }
  }
}
