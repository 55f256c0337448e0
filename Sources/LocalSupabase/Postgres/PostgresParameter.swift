/// One `$n` of a statement. But for `json`, its type is what the statement makes of it, as for a quoted literal.
package enum PostgresParameter: Sendable, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
  case null
  /// The text form of a value. PostgreSQL sees it up to the first NUL.
  case text(String)
  /// The text form of a value as bytes, copied once. PostgreSQL sees it up to the first NUL.
  case bytes([UInt8])
  /// A value of type `json`, handed to libpq without a copy: for bodies of any size. A NUL in it is an error.
  case json([UInt8])

  package init(stringLiteral value: String) { self = .text(value) }
  package init(nilLiteral: ()) { self = .null }
}
