/// A request cannot be written so that the server is sure to understand it as meant; nothing was sent.
/// The sentence holds no row data.
struct Unwritable: Error, Hashable {
  let reason: String
}

/// The parameters of a request, percent-encoded.
///
/// All parameter names are the client's own words, so that the server cannot cut one at an odd character and
/// filter on another column (`flt-key-cut`); columns stand in values only, quoted.
struct QueryString: Hashable {
  /// Without the question mark.
  private(set) var text = ""

  mutating func add(_ name: String, _ value: String) {
    if !text.isEmpty { text += "&" }
    text += "\(name)=\(percentEncoded(value))"
  }

  /// `"a","b"`: for `select=` (`sel-mixed-quote`, `sel-mixed-arrow`), `columns=` (`ins-columns-quoted`) and
  /// `on_conflict=` (`ups-oc-quoted`). A quoted name is never read as alias, cast, path or embedding.
  static func names(_ names: [String]) throws(Unwritable) -> String {
    guard !names.isEmpty else { throw Unwritable(reason: "it names no columns") }
    var quotedNames: [String] = []
    for name in names { quotedNames.append(try quoted(name: name)) }
    return quotedNames.joined(separator: ",")
  }

  /// `"a".asc,"b".asc` (`pg-order-desc`). Descending, nulls come first (`pg-order-default-nulls`).
  static func order(_ columns: [String], isDescending: Bool = false) throws(Unwritable) -> String {
    var parts: [String] = []
    for column in columns {
      parts.append(try quoted(name: column) + (isDescending ? ".desc" : ".asc"))
    }
    return parts.joined(separator: ",")
  }

  static func quoted(name: String) throws(Unwritable) -> String {
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw Unwritable(reason: "a column's name is empty or holds a NUL character")
    }
    return quoted(name)
  }

  /// In double quotes; inside, a backslash escapes quotes and backslashes (`sel-mixed-quote`,
  /// `flt-codes-or-special`).
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }
}

/// Everything is encoded but the unreserved characters and the signs of PostgREST's own grammar; above all `+`,
/// which would be read as a blank (`flt-or-ts-raw`).
func percentEncoded(_ text: String, leaving signs: String = ",():") -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  let signs = Array(signs.utf8)
  var encoded: [UInt8] = []
  encoded.reserveCapacity(text.utf8.count)
  for byte in text.utf8 {
    if isUnreserved(byte) || signs.contains(byte) {
      encoded.append(byte)
    } else {
      encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
    }
  }
  return String(decoding: encoded, as: UTF8.self)
}

/// RFC 3986 section 2.3.
private func isUnreserved(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
    UInt8(ascii: "_"), UInt8(ascii: "~"):
    true
  default: false
  }
}
