/// A statement under construction, with its parameters.
struct SQLText {
  private(set) var text = ""
  private(set) var parameters: [PostgresParameter] = []

  init(_ text: String = "") { self.text = text }

  static func += (sql: inout SQLText, text: String) { sql.text += text }

  /// A quoted name.
  mutating func name(_ name: String) { text += Self.quoted(name) }

  mutating func names(_ names: [String]) { text += names.map(Self.quoted).joined(separator: ", ") }

  /// Adds a parameter and names it.
  mutating func value(_ parameter: PostgresParameter) {
    parameters.append(parameter)
    text += "$\(parameters.count)"
  }

  /// A value of whatever type stands opposite; PostgreSQL sees it up to the first NUL.
  mutating func value(_ text: String) { value(.text(text)) }

  static func quoted(_ name: String) -> String {
    // PostgreSQL would end the whole statement there.
    let name = name.split(separator: "\0", omittingEmptySubsequences: false).first ?? ""
    return "\""
      + name.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
