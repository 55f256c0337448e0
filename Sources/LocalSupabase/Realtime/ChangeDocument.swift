import JSON

/// Writes the `data` of a change, member by member in the order of the real server.
struct ChangeDocument: Sendable {
  /// A column's value in a record: its JSON, nil for NULL.
  struct Value: Sendable {
    var name: String
    var json: ArraySlice<UInt8>?
  }

  private(set) var bytes: [UInt8] = []

  /// - Parameters:
  ///   - record: nil for deletes.
  ///   - oldRecord: nil for inserts.
  ///   - columns: a JSON array.
  init(
    _ change: WALChange, columns: [UInt8], record: [Value]?, oldRecord: [Value]?,
    commitTimestamp: String?, error: String?
  ) {
    bytes.reserveCapacity(256 + columns.count)
    member("table", JSONToken(string: change.table).bytes)
    member("type", JSONToken(string: change.action.rawValue).bytes)
    if let record { member("record", Self.object(record)) }
    member("columns", columns)
    let null = Array("null".utf8)
    member("errors", error.map { Array("[\"\($0)\"]".utf8) } ?? null)
    member("schema", JSONToken(string: change.schema).bytes)
    member("commit_timestamp", commitTimestamp.map { JSONToken(string: $0).bytes } ?? null)
    if let oldRecord { member("old_record", Self.object(oldRecord)) }
    bytes.append(UInt8(ascii: "}"))
  }

  /// Of a change that cannot be shown.
  init(_ change: WALChange, error: String) {
    self.init(
      change, columns: Array("[]".utf8), record: change.action == .delete ? nil : [],
      oldRecord: change.action == .insert ? nil : [], commitTimestamp: nil, error: error)
  }

  private mutating func member(_ name: String, _ value: [UInt8]) {
    bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
    bytes.append(contentsOf: "\"\(name)\":".utf8)
    bytes.append(contentsOf: value)
  }

  /// In the order of `jsonb`: shorter names first, then by their bytes.
  private static func object(_ values: [Value]) -> [UInt8] {
    let ordered = values.sorted { one, other in
      let (first, second) = (one.name.utf8, other.name.utf8)
      guard first.count == second.count else { return first.count < second.count }
      return first.lexicographicallyPrecedes(second)
    }
    var object: [UInt8] = [UInt8(ascii: "{")]
    for value in ordered {
      if object.count > 1 { object.append(contentsOf: ", ".utf8) }
      object.append(contentsOf: JSONToken(string: value.name).bytes)
      object.append(contentsOf: ": ".utf8)
      if let json = value.json {
        object.append(contentsOf: json)
      } else {
        object.append(contentsOf: "null".utf8)
      }
    }
    object.append(UInt8(ascii: "}"))
    return object
  }

  /// The array of `columns`.
  static func columns(_ columns: [ChangeCatalogue.Column]) -> [UInt8] {
    let items = columns.map {
      "{\"name\": \(JSONToken(string: $0.name).text), \"type\": \(JSONToken(string: $0.type).text)}"
    }
    return Array("[\(items.joined(separator: ", "))]".utf8)
  }
}
