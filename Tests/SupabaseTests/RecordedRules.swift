/// What PostgREST understands of a query string, by the rules that the recordings show: written apart from the
/// client's writer, to be compared with it.
struct UnderstoodQuery: Hashable {
  var select: [String]?
  var columns: [String]?
  var onConflict: [String]?
  /// Name and direction.
  var order: [String] = []
  var limit: String?
  var offset: String?
  var conditions: Set<Condition> = []

  indirect enum Condition: Hashable {
    case compare(String, isNegated: Bool, sign: String, value: String)
    case list(String, isNegated: Bool, Set<String>)
    case all(Set<Condition>)
    case any(Set<Condition>)
  }

  struct Misunderstood: Error { var at: String }

  init(_ query: String) throws {
    for parameter in query.split(whereSeparator: { $0 == "&" || $0 == ";" }) {
      let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      let name = Self.decoded(parts[0])
      // A value is cut at NUL.
      let value = String(
        String.UnicodeScalarView(Self.decoded(parts[1]).unicodeScalars.prefix { $0.value != 0 }))
      var reader = Reader(value)
      switch name {
      case "select": select = try reader.names()
      case "columns": columns = try reader.names()
      case "on_conflict": onConflict = try reader.names()
      case "order": order = try reader.order()
      case "limit":
        limit = value
        reader.rest = []
      case "offset":
        offset = value
        reader.rest = []
      case "and": conditions.formUnion(try reader.group())
      case "or": conditions.insert(.any(try reader.group()))
      default:
        var column = Reader(name)
        conditions.insert(try reader.outer(column: try column.name()))
      }
      if !reader.isAtEnd { throw Misunderstood(at: String(reader.rest)) }
    }
  }

  /// `+` is a blank.
  static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        bytes.append(0x20)
      } else if byte == UInt8(ascii: "%"),
        let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  struct Reader {
    var rest: ArraySlice<Unicode.Scalar>

    init(_ text: String) { rest = Array(text.unicodeScalars)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ text: String) -> Bool {
      let scalars = Array(text.unicodeScalars)
      guard rest.starts(with: scalars) else { return false }
      rest = rest.dropFirst(scalars.count)
      return true
    }

    mutating func expect(_ text: String) throws {
      guard take(text) else { throw Misunderstood(at: "\(text) before \(String(rest))") }
    }

    mutating func quoted() throws -> String {
      var text = String.UnicodeScalarView()
      try expect("\"")
      while let scalar = rest.popFirst() {
        if scalar == "\"" { return String(text) }
        if scalar == "\\" {
          guard let next = rest.popFirst() else { break }
          text.append(next)
        } else {
          text.append(scalar)
        }
      }
      throw Misunderstood(at: "an open quote")
    }

    /// Unquoted, a name ends at the first sign that is no letter, digit, underscore, blank or dollar.
    mutating func name() throws -> String {
      if rest.first == "\"" { return try quoted() }
      var name = String.UnicodeScalarView()
      while let scalar = rest.first,
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_"
          || scalar == " " || scalar == "$"
      {
        name.append(scalar)
        rest = rest.dropFirst()
      }
      guard !name.isEmpty else { throw Misunderstood(at: String(rest)) }
      return String(name)
    }

    mutating func names() throws -> [String] {
      var names = [try name()]
      while take(",") { names.append(try name()) }
      return names
    }

    mutating func order() throws -> [String] {
      var terms: [String] = []
      repeat {
        let name = try name()
        let direction = take(".desc") ? "desc" : (take(".asc") ? "asc" : "asc")
        terms.append("\(name) \(direction)")
      } while take(",")
      return terms
    }

    mutating func group() throws -> Set<Condition> {
      try expect("(")
      var parts: Set<Condition> = [try condition()]
      while take(",") {
        while take(" ") {}
        parts.insert(try condition())
      }
      try expect(")")
      return parts
    }

    mutating func condition() throws -> Condition {
      if take("and(") {
        rest = rest.reinserted("(")
        return .all(try group())
      }
      if take("or(") {
        rest = rest.reinserted("(")
        return .any(try group())
      }
      let column = try name()
      try expect(".")
      let isNegated = take("not.")
      let sign = try name()
      try expect(".")
      if sign == "in" {
        return .list(column, isNegated: isNegated, try list())
      }
      return .compare(column, isNegated: isNegated, sign: sign, value: try value())
    }

    mutating func list() throws -> Set<String> {
      try expect("(")
      var values: Set<String> = [try value()]
      while take(",") { values.insert(try value()) }
      try expect(")")
      return values
    }

    /// Inside groups and lists: quoted, or up to the next comma or parenthesis.
    mutating func value() throws -> String {
      if rest.first == "\"" {
        let before = rest
        let text = try quoted()
        if rest.first == "," || rest.first == ")" { return text }
        rest = before
      }
      var text = String.UnicodeScalarView()
      while let scalar = rest.first, scalar != ",", scalar != ")" {
        text.append(scalar)
        rest = rest.dropFirst()
      }
      return String(text)
    }

    /// Outside of groups quotes mean nothing.
    mutating func outer(column: String) throws -> Condition {
      let isNegated = take("not.")
      let sign = try name()
      try expect(".")
      if sign == "in" { return .list(column, isNegated: isNegated, try list()) }
      let value = String(String.UnicodeScalarView(rest))
      rest = []
      return .compare(column, isNegated: isNegated, sign: sign, value: value)
    }
  }
}

extension String {
  fileprivate init(_ scalars: ArraySlice<Unicode.Scalar>) {
    self = String(String.UnicodeScalarView(scalars))
  }
}

extension ArraySlice<Unicode.Scalar> {
  fileprivate func reinserted(_ scalar: Unicode.Scalar) -> Self { ([scalar] + self)[...] }
}
