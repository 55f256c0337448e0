import JSON
package import Supabase

/// A column that takes its values from a sequence. Both projects' columns have the same names; their sequences need not.
package struct NumberedColumn: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let table: TableName
  package let column: String

  package init(table: TableName, column: String) {
    self.table = table
    self.column = column
  }

  package var description: String { "\(table).\(column)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.table, left.column) < (right.table, right.column)
  }
}

/// How far a sequence is, as `sync_sequences()` tells, once for each column that uses it.
package struct SequenceState: Hashable, Sendable {
  package let user: NumberedColumn
  /// Its own schema and name.
  package let name: TableName
  /// nil where the function's owner may not read it.
  package var lastValue: Int64?
  package var isCalled: Bool
  package let increment: Int64
  package let minimum: Int64
  package let maximum: Int64
  package let cycles: Bool
  /// How many numbers a session takes at once.
  package let cache: Int64

  package init(
    user: NumberedColumn, name: TableName, lastValue: Int64?, isCalled: Bool, increment: Int64 = 1,
    minimum: Int64 = 1, maximum: Int64 = .max, cycles: Bool = false, cache: Int64 = 1
  ) {
    self.user = user
    self.name = name
    self.lastValue = lastValue
    self.isCalled = isCalled
    self.increment = increment
    self.minimum = minimum
    self.maximum = maximum
    self.cycles = cycles
    self.cache = cache
  }

  /// The last number it gave out, or the one before its first.
  package var given: Int128? {
    lastValue.map { Int128($0) - (isCalled ? 0 : Int128(increment)) }
  }

  package var isDescending: Bool { increment < 0 }
  /// The first number there can be.
  var start: Int64 { isDescending ? maximum : minimum }

  /// - Returns: nil for an answer in another form.
  package static func read(_ body: [UInt8]) -> [SequenceState]? {
    guard let nodes = (try? JSONNode(parsing: body))?.array else { return nil }
    let states = nodes.compactMap(SequenceState.init)
    return states.count == nodes.count ? states : nil
  }

  private init?(_ node: JSONNode) {
    guard let schema = node["schema"]?.string, let name = node["name"]?.string,
      let tableSchema = node["table_schema"]?.string, let table = node["table"]?.string,
      let column = node["column"]?.string, let increment = node["increment"]?.int, increment != 0,
      let minimum = node["minimum"]?.int, let maximum = node["maximum"]?.int,
      let cycles = node["cycles"]?.bool, let cache = node["cache"]?.int,
      let last = node["last_value"], let called = node["is_called"],
      last.isNull || last.int != nil && called.bool != nil
    else { return nil }
    self.init(
      user: NumberedColumn(table: TableName(schema: tableSchema, name: table), column: column),
      name: TableName(schema: schema, name: name), lastValue: last.int.map(Int64.init),
      isCalled: called.bool ?? false, increment: Int64(increment), minimum: Int64(minimum),
      maximum: Int64(maximum), cycles: cycles, cache: Int64(cache))
  }
}

/// A number that the sequences of a column are to have given out at least.
package struct SequenceRaise: Hashable, Sendable {
  package let user: NumberedColumn
  package let value: Int128

  package init(user: NumberedColumn, value: Int128) {
    self.user = user
    self.value = value
  }

  /// The arguments of `sync_raise_sequences`.
  static func arguments(_ raises: [SequenceRaise]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("wanted")
    writer.beginArray()
    for raise in raises {
      writer.beginObject()
      for (name, value) in [
        ("schema", raise.user.table.schema), ("table", raise.user.table.name),
        ("column", raise.user.column),
      ] {
        writer.name(name)
        writer.string(value)
      }
      writer.name("value")
      writer.raw("\(raise.value)".utf8)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }
}

/// What became of one sequence of a column.
package struct RaisedSequence: Hashable, Sendable {
  package let user: NumberedColumn
  /// As SQL names it; nil: no sequence of that column is known.
  package let sequence: String?
  /// The last number given out before and after; nil where that cannot be told.
  package let was: Int128?
  package let now: Int128?
  /// Why it is not where it should be; nil where it is.
  package let problem: String?

  /// - Returns: nil for an answer in another form.
  static func read(_ body: [UInt8]) -> [RaisedSequence]? {
    guard let nodes = (try? JSONNode(parsing: body))?.array else { return nil }
    let raised = nodes.compactMap(RaisedSequence.init)
    return raised.count == nodes.count ? raised : nil
  }

  private init?(_ node: JSONNode) {
    guard let schema = node["schema"]?.string, let table = node["table"]?.string,
      let column = node["column"]?.string, let sequence = node["sequence"],
      let problem = node["problem"], let was = node["was"], let now = node["is"]
    else { return nil }
    user = NumberedColumn(table: TableName(schema: schema, name: table), column: column)
    self.sequence = sequence.string
    self.problem = problem.string
    self.was = Self.number(was)
    self.now = Self.number(now)
  }

  private static func number(_ node: JSONNode) -> Int128? {
    if case .number(let digits) = node.value { Int128(digits) } else { nil }
  }
}
