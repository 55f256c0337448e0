import JSON

/// Filters as PostgREST's logic expressions.
///
/// There is one form for all of them: inside `and=(…)` or `or=(…)`, with every name quoted. There a column may
/// have any name, also one that is a parameter's (`flt-mixed-select-key`, `flt-mixed-or-quoted`), and values are
/// quoted and escaped, which outside they cannot be (`flt-or-quoted`, `flt-codes-or-special`, `flt-ks-quoted`).
enum FilterText {
  /// The parameter for conditions that must all hold; nil for none.
  static func parameter(
    _ filters: [Filter]
  ) throws(Unwritable) -> (name: String, value: String)? {
    if filters.count == 1, case .any(let parts) = filters[0] {
      return ("or", "(\(try joined(parts)))")  // as in `del-or-composite`
    }
    var clauses: [String] = []
    for filter in filters {
      // A conjunction needs no level of its own here.
      switch filter {
      case .all(let parts): for part in parts { clauses.append(try clause(part)) }
      case .after(let columns, let values): clauses += try beyond(columns, values, "gt")
      case .notAfter(let columns, let values): clauses += try beyond(columns, values, "lt")
      default: clauses.append(try clause(filter))
      }
    }
    return clauses.isEmpty ? nil : ("and", "(\(clauses.joined(separator: ",")))")
  }

  static func clause(_ filter: Filter) throws(Unwritable) -> String {
    switch filter {
    case .equal(let column, let value): try compared(column, "eq", value)
    case .greater(let column, let value): try compared(column, "gt", value)
    case .greaterOrEqual(let column, let value): try compared(column, "gte", value)
    case .lessOrEqual(let column, let value): try compared(column, "lte", value)
    // `eq.null` would compare with the word (`flt-eq-null`); `is` inside: `flt-or-is`.
    case .isNull(let column): "\(try QueryString.quoted(name: column)).is.null"
    // `flt-is-not-null`; `not` inside: `flt-and-not-inner`.
    case .isNotNull(let column): "\(try QueryString.quoted(name: column)).not.is.null"
    case .after(let columns, let values):
      "and(\(try beyond(columns, values, "gt").joined(separator: ",")))"
    case .notAfter(let columns, let values):
      "and(\(try beyond(columns, values, "lt").joined(separator: ",")))"
    case .arrayLacks(let column, let text): try arrayLacks(column, text)
    case .all(let parts): "and(\(try joined(parts)))"  // `flt-or-nested`
    case .any(let parts): "or(\(try joined(parts)))"
    }
  }

  static func compared(
    _ column: String, _ sign: String, _ value: JSONToken
  ) throws(Unwritable) -> String {
    "\(try QueryString.quoted(name: column)).\(sign).\(try literal(value))"
  }

  /// Integers, UUIDs and other plain hexadecimal words stand as they are (`flt-in`, `flt-int8`, `del-count`); all
  /// else is quoted, numbers too (`flt-ks-quoted`).
  static func literal(_ value: JSONToken) throws(Unwritable) -> String {
    let text = try text(value)
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
          UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
    return isPlain ? text : QueryString.quoted(text)
  }

  /// What a value says: a string without its quotes and escapes, all else byte for byte.
  static func text(_ value: JSONToken) throws(Unwritable) -> String {
    guard !value.isNull else { throw Unwritable(reason: "a value to compare with is null") }
    guard !value.isContainer else {
      throw Unwritable(reason: "a value to compare with is a JSON array or object")
    }
    guard value.isString else { return value.text }
    // The server cuts a value at NUL, and would then match another row (`flt-nul-match`, `del-nul`).
    guard let text = value.string, !text.utf8.contains(0) else {
      throw Unwritable(
        reason: "a value to compare with holds a character that PostgreSQL's text cannot hold")
    }
    return text
  }

  /// The keyset condition on (a, b, c) > (x, y, z), written out (`flt-ks-quoted`), and before it the redundant
  /// a >= x, from which PostgreSQL makes an index range. With `lt` the same for (a, b, c) <= (x, y, z).
  private static func beyond(
    _ columns: [String], _ values: [JSONToken], _ sign: String
  ) throws(Unwritable) -> [String] {
    guard !columns.isEmpty, columns.count == values.count else {
      throw Unwritable(reason: "a cursor has another number of values than of columns")
    }
    let isUpper = sign == "lt"
    let lastSign = isUpper ? "lte" : "gt"
    if columns.count == 1 { return [try compared(columns[0], lastSign, values[0])] }
    var alternatives = [try compared(columns[0], sign, values[0])]
    for last in 1..<columns.count {
      var parts: [String] = []
      for i in 0..<last { parts.append(try compared(columns[i], "eq", values[i])) }
      let isLast = last == columns.count - 1
      parts.append(try compared(columns[last], isLast ? lastSign : sign, values[last]))
      alternatives.append("and(\(parts.joined(separator: ",")))")
    }
    return [
      try compared(columns[0], isUpper ? "lte" : "gte", values[0]),
      "or(\(alternatives.joined(separator: ",")))",
    ]
  }

  /// Also where the array itself is null. `cs`: `flt-cs-array`; the array's literal is quoted as any other value.
  private static func arrayLacks(_ column: String, _ text: String) throws(Unwritable) -> String {
    guard !text.utf8.contains(0) else {
      throw Unwritable(reason: "a value to compare with holds a NUL character")
    }
    let name = try QueryString.quoted(name: column)
    let array = QueryString.quoted("{\(QueryString.quoted(text))}")
    return "or(\(name).is.null,\(name).not.cs.\(array))"
  }

  private static func joined(_ parts: [Filter]) throws(Unwritable) -> String {
    // `or=()` is a syntax error (`flt-or-empty`).
    guard !parts.isEmpty else { throw Unwritable(reason: "a condition has no parts") }
    var clauses: [String] = []
    for part in parts { clauses.append(try clause(part)) }
    return clauses.joined(separator: ",")
  }
}
