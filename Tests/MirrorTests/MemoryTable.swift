import JSON
import Mirror
import Supabase
import Transport

/// One table of a `MemoryProject`: rows as raw tokens, in no order of their own.
struct MemoryTable: Sendable {
  let name: TableName
  var columns: [Column]
  let key: [String]
  var rows: [RowKey: Row] = [:] {
    // A copy of the table has the same orders until either changes.
    didSet { if !isKnownUniquelyReferenced(&orders) || !orders.isEmpty { orders = Orders() } }
  }
  /// What was sorted since rows changed.
  private var orders = Orders()
  var unique: [[String]] = []
  /// Columns that this project computes itself, from nothing but their being there.
  var generated: [String: JSONToken] = [:]
  /// Whether a parent's delete takes the rows that refer to it.
  var cascades = false
  /// Whether this project orders rows the other way round, as one with another collation could.
  var isReversed = false

  /// A row, and its values as the server compares them.
  struct Row: Hashable, Sendable {
    private(set) var tokens: [JSONToken]
    fileprivate var sortable: [Sortable?]

    init(_ tokens: [JSONToken], _ columns: [Column]) {
      self.tokens = tokens
      sortable = zip(tokens, columns).map { Sortable(stored: $0, $1.format) }
    }

    subscript(position: Int) -> JSONToken { tokens[position] }

    static func == (left: Row, right: Row) -> Bool { left.tokens == right.tokens }
    func hash(into hasher: inout Hasher) { hasher.combine(tokens) }
  }

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

  mutating func put(_ row: [JSONToken]) {
    rows[key(of: row)] = Row(row, columns)
  }

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

  func text(of rows: [Row], _ columns: [String]) -> [UInt8] {
    let positions = columns.map { (index($0), JSONToken(string: $0).bytes + [UInt8(ascii: ":")]) }
    var text = Array("[".utf8)
    for row in rows {
      if text.count > 1 { text += Array(",\n ".utf8) }
      text.append(UInt8(ascii: "{"))
      for (place, position) in positions.enumerated() {
        if place > 0 { text.append(UInt8(ascii: ",")) }
        text += position.1
        let value = row[position.0]
        text += value == Self.jsonNull ? JSONToken.null.bytes : value.bytes
      }
      text.append(UInt8(ascii: "}"))
    }
    return text + Array("]".utf8)
  }

  // Reading

  func select(_ query: ReadQuery, cap: Int?) -> [Row] {
    let conditions = query.filters.map(condition)
    let end = query.offset + min(query.limit, cap ?? .max, rows.count)
    var found: [Row] = []
    for row in sorted(by: query) where conditions.allSatisfy({ $0(row) }) {
      guard found.count < end else { break }
      found.append(row)
    }
    return Array(found.dropFirst(query.offset))
  }

  private func sorted(by query: ReadQuery) -> [Row] {
    let order = query.order.map(index)
    return orders.get(Orders.Name(order, query.isDescending, isReversed)) {
      rows.values.sorted { a, b in
        for position in order where a.sortable[position] != b.sortable[position] {
          // Nulls are last, and first where it is descending, as in PostgreSQL.
          guard let left = a.sortable[position] else { return query.isDescending }
          guard let right = b.sortable[position] else { return !query.isDescending }
          return (left < right) != (query.isDescending != isReversed)
        }
        return false
      }
    }
  }

  /// All rows in the orders that were asked for, since most are asked for again before a row changes.
  private final class Orders: Sendable {
    struct Name: Hashable {
      let positions: [Int]
      let isDescending: Bool
      let isReversed: Bool

      init(_ positions: [Int], _ isDescending: Bool, _ isReversed: Bool) {
        self.positions = positions
        self.isDescending = isDescending
        self.isReversed = isReversed
      }
    }

    private let sorted = Locked<[Name: [Row]]>([:])

    var isEmpty: Bool { sorted.withLock { $0.isEmpty } }

    func get(_ name: Name, sort: () -> [Row]) -> [Row] {
      if let known = sorted.withLock({ $0[name] }) { return known }
      let rows = sort()
      sorted.withLock { $0[name] = rows }
      return rows
    }
  }

  func count(_ filters: [Filter]) -> Int {
    let conditions = filters.map(condition)
    return rows.values.count { row in conditions.allSatisfy { $0(row) } }
  }

  func condition(_ filter: Filter) -> (Row) -> Bool {
    switch filter {
    case .equal(let column, let value): return compared(column, value) { $0 == $1 }
    case .lessOrEqual(let column, let value): return compared(column, value) { $0 <= $1 }
    case .greater(let column, let value): return compared(column, value) { $0 > $1 }
    case .greaterOrEqual(let column, let value): return compared(column, value) { $0 >= $1 }
    case .isNull(let column):
      let position = index(column)
      return { $0.sortable[position] == nil }
    case .isNotNull(let column):
      let position = index(column)
      return { $0.sortable[position] != nil }
    case .after(let columns, let values):
      let parts = zip(columns, values).map { (index($0), Sortable($1, format($0))) }
      return { row in
        for (position, value) in parts {
          guard let a = row.sortable[position], let b = value else { return false }
          if a != b { return (a > b) != isReversed }
        }
        return false
      }
    case .notAfter(let columns, let values):
      let isAfter = condition(.after(columns: columns, values: values))
      let positions = columns.map(index)
      return { row in
        positions.allSatisfy { row.sortable[$0] != nil } && !isAfter(row)
      }
    case .arrayLacks(let column, let text):
      let position = index(column)
      return { row in
        let array = (try? JSONNode(parsing: row[position].bytes))?.array
        return array?.contains { $0.string == text } != true
      }
    case .all(let filters):
      let parts = filters.map(condition)
      return { row in parts.allSatisfy { $0(row) } }
    case .any(let filters):
      let parts = filters.map(condition)
      return { row in parts.contains { $0(row) } }
    }
  }

  private func compared(
    _ column: String, _ value: JSONToken, _ holds: @escaping (Sortable, Sortable) -> Bool
  ) -> (Row) -> Bool {
    let position = index(column)
    let value = Sortable(value, format(column))
    return { row in
      guard let a = row.sortable[position], let b = value else { return false }
      return holds(a, b)
    }
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
