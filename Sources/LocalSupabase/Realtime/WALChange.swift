import JSON

/// One row's change, as wal2json (format 2) writes it.
struct WALChange: Sendable {
  enum Action: String, Sendable {
    case insert = "INSERT"
    case update = "UPDATE"
    case delete = "DELETE"
  }

  struct Column: Sendable {
    var name: String
    /// `pg_type.oid`.
    var type: UInt32
    /// The value's JSON, byte for byte; nil for `null`.
    var value: ArraySlice<UInt8>?
    /// Part of the primary key.
    var isKey = false
  }

  var action = Action.insert
  var schema = ""
  var table = ""
  /// As PostgreSQL writes a `timestamptz` in the session's time zone.
  var timestamp = ""
  /// The new row; empty for a delete, and without columns whose long value was not touched.
  var columns: [Column] = []
  /// What the replica identity tells of the old row.
  var identity: [Column] = []
  /// The length of the change's JSON as `jsonb` writes it, that is with a blank after every comma and colon. Numbers with
  /// an exponent, which `jsonb` writes without, are counted as they stand.
  var byteCount = 0

  /// nil where the text is no change of a row: wal2json was asked for nothing else.
  init?(_ text: [UInt8]) {
    var cursor = WALCursor(text)
    var keys: [String] = []
    var kind: UInt8 = 0
    cursor.eachMember { name, cursor in
      switch name {
      case "action": kind = cursor.string().utf8.first ?? 0
      case "schema": schema = cursor.string()
      case "table": table = cursor.string()
      case "timestamp": timestamp = cursor.string()
      case "columns": columns = cursor.columns()
      case "identity": identity = cursor.columns()
      case "pk": keys = cursor.columns().map(\.name)
      default: cursor.skip()
      }
    }
    switch kind {
    case UInt8(ascii: "I"): action = .insert
    case UInt8(ascii: "U"): action = .update
    case UInt8(ascii: "D"): action = .delete
    default: return nil
    }
    byteCount = text.count + cursor.separators
    for index in columns.indices { columns[index].isKey = keys.contains(columns[index].name) }
    for index in identity.indices { identity[index].isKey = keys.contains(identity[index].name) }
  }
}

/// Walks over what wal2json wrote, which is known to be valid and without blanks.
private struct WALCursor {
  private let text: [UInt8]
  private var i = 0
  /// Commas and colons outside strings, so far.
  private(set) var separators = 0

  init(_ text: [UInt8]) { self.text = text }

  private var byte: UInt8 { i < text.count ? text[i] : 0 }

  /// Calls `body` in front of every member's value; it must move over that.
  mutating func eachMember(_ body: (String, inout WALCursor) -> Void) {
    guard byte == UInt8(ascii: "{") else { return skip() }
    i += 1
    while i < text.count, byte != UInt8(ascii: "}") {
      if byte == UInt8(ascii: ",") { separate() }
      let name = string()
      separate()
      body(name, &self)
    }
    i += 1
  }

  mutating func columns() -> [WALChange.Column] {
    var columns: [WALChange.Column] = []
    guard byte == UInt8(ascii: "[") else {
      skip()
      return []
    }
    i += 1
    while i < text.count, byte != UInt8(ascii: "]") {
      if byte == UInt8(ascii: ",") { separate() }
      var column = WALChange.Column(name: "", type: 0)
      eachMember { name, cursor in
        switch name {
        case "name": column.name = cursor.string()
        case "typeoid": column.type = UInt32(String(decoding: cursor.value(), as: UTF8.self)) ?? 0
        case "value":
          let value = cursor.value()
          column.value = value.first == UInt8(ascii: "n") ? nil : value
        default: cursor.skip()
        }
      }
      columns.append(column)
    }
    i += 1
    return columns
  }

  mutating func string() -> String {
    let token = value()
    let inner = token.dropFirst().dropLast()
    guard token.first == UInt8(ascii: "\""), inner.contains(UInt8(ascii: "\\")) else {
      return String(decoding: inner, as: UTF8.self)
    }
    return JSONToken(bytes: Array(token)).string ?? ""
  }

  mutating func skip() { _ = value() }

  /// The value here, of any kind.
  mutating func value() -> ArraySlice<UInt8> {
    let start = i
    var depth = 0
    while i < text.count {
      switch text[i] {
      case UInt8(ascii: "\""): skipString()
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        i += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        // The end of what the value stands in.
        if depth == 0 { return text[start..<i] }
        depth -= 1
        i += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        if depth == 0 { return text[start..<i] }
        separate()
      default: i += 1
      }
    }
    return text[start..<i]
  }

  private mutating func skipString() {
    i += 1
    while i < text.count, text[i] != UInt8(ascii: "\"") {
      i += text[i] == UInt8(ascii: "\\") ? 2 : 1
    }
    i = min(i + 1, text.count)
  }

  private mutating func separate() {
    separators += 1
    i += 1
  }
}
