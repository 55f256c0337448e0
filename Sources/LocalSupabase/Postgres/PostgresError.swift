/// What PostgreSQL, or libpq on its behalf, reported.
///
/// `message` and `detail` may quote row data, as the server sends them; do not log them.
package struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Five characters; nil when the error does not come from the server: it could not be reached, or the
  /// connection broke without a last word.
  package var sqlstate: String?
  /// `ERROR`, `FATAL` or `PANIC`; never localized.
  package var severity: String
  /// Without a code: libpq's own words, which end in a newline.
  package var message: String
  package var detail: String?
  package var hint: String?
  /// The connection cannot be used any more. What the server said before it went is libpq's secret.
  package var isConnectionLost: Bool

  package init(
    sqlstate: String?, severity: String = "ERROR", message: String, detail: String? = nil,
    hint: String? = nil, isConnectionLost: Bool = false
  ) {
    self.sqlstate = sqlstate
    self.severity = severity
    self.message = message
    self.detail = detail
    self.hint = hint
    self.isConnectionLost = isConnectionLost
  }

  package var description: String {
    "PostgreSQL \(severity) \(sqlstate ?? "(no code)"): \(message)"
  }
}
