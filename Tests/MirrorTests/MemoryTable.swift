import JSON
import Mirror
import Supabase

/// One table of a `MemoryProject`: rows as raw tokens, in no order of their own.
struct MemoryTable: Sendable {
  let name: TableName
  let columns: [Column]
  let key: [String]
  var rows: [RowKey: [JSONToken]] = [:]
  var unique: [[String]] = []
  /// Columns that this project computes itself, from nothing but their being there.
  var generated: [String: JSONToken] = [:]
  /// Whether a parent's delete takes the rows that refer to it.
  var cascades = false

  /// A JSON null in a jsonb column, which is not SQL NULL; PostgREST writes both alike.
  static let jsonNull = JSONToken(bytes: Array("null ".utf8))

  init(
    _ name: String, schema: String = "public", key: [String] = ["id"],
    _ columns: KeyValuePairs<String, String>, references: [String: String] = [:],
    notNull: Set<String> = ["updated_at"]
  ) {
    self.name = TableName(schema: schema, name: name)
    self.key = key
    self.columns = columns.map { column, format in
      Column(
        name: column, format: format, isNotNull: key.contains(column) || notNull.contains(column),
        isPrimaryKey: key.contains(column),
        references: references[column].map { Column.Reference(table: $0, column: "id") })
    }
  }

  func index(_ column: String) -> Int {
    guard let index = columns.firstIndex(where: { $0.name == column }) else {
      fatalError("\(name) has no column \(column)")
    }
    return index
  }

  func format(_ column: String) -> String { columns[index(column)].format }

  func key(of row: [JSONToken]) -> RowKey { RowKey(key.map { row[index($0)] }) }

  mutating func put(_ row: [JSONToken]) { rows[key(of: row)] = row }

  /// The stored key that is this value, however it is written.
  func stored(_ key: RowKey, _ columns: [String]) -> RowKey? {
    if columns == self.key, rows[key] != nil { return key }
    guard columns != self.key || self.key.contains(where: { format($0) == "numeric" }) else {
      return nil
    }
    return rows.first { _, row in
      zip(columns, key.values).allSatisfy { column, value in
        guard let a = Sortable(value, "numeric"), let b = Sortable(row[index(column)], "numeric")
        else { return false }
        return a == b
      }
    }?.key
  }

  func text(of rows: [[JSONToken]], _ columns: [String]) -> [UInt8] {
    let positions = columns.map(index)
    var text = Array("[".utf8)
    for (number, row) in rows.enumerated() {
      if number > 0 { text += Array(",\n ".utf8) }
      text.append(UInt8(ascii: "{"))
      for (place, position) in positions.enumerated() {
        if place > 0 { text.append(UInt8(ascii: ",")) }
        text += JSONToken(string: columns[place]).bytes
        text.append(UInt8(ascii: ":"))
        let value = row[position]
        text += value == Self.jsonNull ? JSONToken.null.bytes : value.bytes
      }
      text.append(UInt8(ascii: "}"))
    }
    return text + Array("]".utf8)
  }

  // Reading

  func select(_ query: ReadQuery, cap: Int?) -> [[JSONToken]] {
    let order = query.order.map { (index($0), format($0)) }
    var found = rows.values.filter { row in query.filters.allSatisfy { matches(row, $0) } }
      .map { row in (row, order.map { Sortable(row[$0.0], $0.1) }) }
    found.sort { a, b in
      for (left, right) in zip(a.1, b.1) where left != right {
        // Nulls are last, and first where it is descending, as in PostgreSQL.
        let isLess = right == nil ? true : left == nil ? false : left! < right!
        return query.isDescending ? !isLess : isLess
      }
      return false
    }
    let limit = min(query.limit, cap ?? .max)
    return found.dropFirst(query.offset).prefix(limit).map(\.0)
  }

  func matches(_ row: [JSONToken], _ filter: Filter) -> Bool {
    switch filter {
    case .equal(let column, let value): return compare(row, column, value) { $0 == $1 }
    case .lessOrEqual(let column, let value): return compare(row, column, value) { $0 <= $1 }
    case .greater(let column, let value): return compare(row, column, value) { $0 > $1 }
    case .greaterOrEqual(let column, let value): return compare(row, column, value) { $0 >= $1 }
    case .isNull(let column): return row[index(column)].isNull && !isJSONNull(row, column)
    case .isNotNull(let column): return !row[index(column)].isNull || isJSONNull(row, column)
    case .after(let columns, let values):
      for (column, value) in zip(columns, values) {
        guard let a = Sortable(row[index(column)], format(column)),
          let b = Sortable(value, format(column))
        else { return false }
        if a != b { return a > b }
      }
      return false
    case .arrayLacks(let column, let text):
      guard let array = (try? JSONNode(parsing: row[index(column)].bytes))?.array else {
        return true
      }
      return !array.contains { $0.string == text }
    case .all(let parts): return parts.allSatisfy { matches(row, $0) }
    case .any(let parts): return parts.contains { matches(row, $0) }
    }
  }

  private func isJSONNull(_ row: [JSONToken], _ column: String) -> Bool {
    row[index(column)] == Self.jsonNull
  }

  private func compare(
    _ row: [JSONToken], _ column: String, _ value: JSONToken,
    _ holds: (Sortable, Sortable) -> Bool
  ) -> Bool {
    let format = format(column)
    guard let a = Sortable(stored: row[index(column)], format), let b = Sortable(value, format)
    else {
      return false
    }
    return holds(a, b)
  }
}

/// A value as the server compares it.
enum Sortable: Hashable, Comparable {
  case beforeAll
  case integer(Int64)
  case number(Double)
  case afterAll
  case text([UInt8])

  private var rank: Int {
    switch self {
    case .beforeAll: 0
    case .integer, .number, .text: 1
    case .afterAll: 2
    }
  }

  static func < (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.integer(let a), .integer(let b)): a < b
    case (.number(let a), .number(let b)): a < b
    case (.text(let a), .text(let b)): a.lexicographicallyPrecedes(b)
    default: left.rank < right.rank
    }
  }

  /// What a filter's text is compared with.
  init?(stored token: JSONToken, _ format: String) {
    if format == "jsonb", token != MemoryTable.jsonNull, token.isString {
      self = .text(token.bytes)
    } else {
      self.init(token, format)
    }
  }

  /// nil for SQL NULL.
  init?(_ token: JSONToken, _ format: String) {
    if token == MemoryTable.jsonNull {
      self = .text(Array("null".utf8))
      return
    }
    if token.isNull { return nil }
    let text = token.string ?? token.text
    switch format {
    case "bigint", "integer", "smallint":
      guard let value = Int64(text) else { fatalError("not an integer: \(text)") }
      self = .integer(value)
    case "numeric": self = .number(Double(text) ?? .nan)
    case "date", "timestamp with time zone", "timestamp without time zone":
      switch text {
      case "infinity": self = .afterAll
      case "-infinity": self = .beforeAll
      default:
        guard let time = TimeText.microseconds(text) else { fatalError("not a time: \(text)") }
        self = .integer(time)
      }
    default: self = .text(Array(text.utf8))
    }
  }
}
