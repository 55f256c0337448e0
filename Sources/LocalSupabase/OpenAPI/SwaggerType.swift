import JSON

/// How the document names PostgreSQL's types, which come as `format_type` writes them.
enum SwaggerType {
  /// nil where the document leaves the type out.
  static func of(_ type: String) -> String? {
    switch type {
    case "boolean": "boolean"
    case "smallint", "integer", "bigint": "integer"
    case "numeric", "real", "double precision": "number"
    case "json", "jsonb": nil
    default: type.hasSuffix("[]") ? "array" : "string"
    }
  }

  /// The type of an array's elements, nil if it is no array.
  static func element(of type: String) -> String? {
    type.hasSuffix("[]") ? String(type.dropLast(2)) : nil
  }

  /// A column's default as JSON, nil where it is no literal. For types written as strings, everything is:
  /// `gen_random_uuid()` too.
  static func literal(_ expression: String, ofType type: String) -> JSONToken? {
    var text = expression
    if of(type) == "string" {
      if text.hasSuffix("::" + type) {
        text.removeLast(type.count + 2)
        while text.first == "'" { text.removeFirst() }
        while text.last == "'" { text.removeLast() }
      }
      text = "\"\(text)\""
    }
    let bytes = Array(text.utf8)
    guard let node = try? JSONNode(parsing: bytes) else { return nil }
    switch node.value {
    case .string(let string):
      // PostgREST decodes and encodes again.
      var writer = JSONWriter()
      writer.string(string)
      return JSONToken(bytes: writer.bytes)
    case .number(let digits): return JSONToken(bytes: Array(shortened(digits).utf8))
    default: return JSONToken(bytes: bytes)
    }
  }

  /// Without zeros at the end of the fraction, but for one.
  private static func shortened(_ digits: String) -> String {
    guard digits.contains("."), !digits.contains(where: { $0 == "e" || $0 == "E" }) else {
      return digits
    }
    var digits = digits
    while digits.hasSuffix("0"), !digits.hasSuffix(".0") { digits.removeLast() }
    return digits
  }
}
