package import JSON

/// Where a value of an incremental field stands on its line, for comparing and for stepping back.
///
/// Positions only decide where reading starts and how far a checkpoint may go; values that are copied never
/// pass through here.
package enum FieldPosition: Hashable, Sendable, Comparable {
  /// `-infinity`.
  case beforeAll
  /// Times: microseconds since 2000-01-01 (PostgreSQL's own epoch, so that its whole range fits); integers:
  /// themselves.
  case at(Int64)
  /// `infinity`.
  case afterAll

  package func moved(back distance: Int64) -> FieldPosition {
    guard case .at(let value) = self else { return self }
    let (result, overflow) = value.subtractingReportingOverflow(distance)
    return .at(overflow ? .min : result)
  }
}

/// The column by whose growth changed rows are found.
package struct IncrementalField: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case timestampWithTimeZone
    case timestamp
    case date
    /// Down to the type's least value.
    case integer(least: Int64)
  }

  package let column: String
  package let kind: Kind
  package let isNullable: Bool

  package init(column: String, kind: Kind, isNullable: Bool) {
    self.column = column
    self.kind = kind
    self.isNullable = isNullable
  }

  /// nil for types that have no order in time or number, or that JSON may round.
  package static func kind(ofFormat format: String) -> Kind? {
    switch format {
    case "timestamp with time zone": .timestampWithTimeZone
    case "timestamp without time zone": .timestamp
    case "date": .date
    case "bigint": .integer(least: .min)
    case "integer": .integer(least: Int64(Int32.min))
    case "smallint": .integer(least: Int64(Int16.min))
    default: nil
    }
  }

  package var isInteger: Bool {
    if case .integer = kind { true } else { false }
  }

  /// nil where the token is not a value of this kind as PostgREST writes it.
  package func position(of token: JSONToken) -> FieldPosition? {
    if isInteger { return Int64(token.text).map { .at($0) } }
    guard let text = token.string else { return nil }
    switch text {
    case "infinity": return .afterAll
    case "-infinity": return .beforeAll
    default:
      // A checkpoint in another form is from before the column's type was changed, and means another moment.
      guard TimeText.form(text) == form else { return nil }
      return TimeText.microseconds(text).map { .at($0) }
    }
  }

  private var form: TimeText.Form? {
    switch kind {
    case .timestampWithTimeZone: .zoned
    case .timestamp: .local
    case .date: .date
    case .integer: nil
    }
  }

  /// The position as a value for a filter. A date is rounded down, so a bound made from it never skips a row.
  package func token(at position: FieldPosition) -> JSONToken {
    switch (position, kind) {
    case (.at(let value), .integer(let least)):
      JSONToken(bytes: Array(String(max(value, least)).utf8))
    case (.beforeAll, .integer(let least)): JSONToken(bytes: Array(String(least).utf8))
    case (.afterAll, .integer): JSONToken(bytes: Array(String(Int64.max).utf8))
    case (.beforeAll, _): JSONToken(string: "-infinity")
    // Older than PostgreSQL can say.
    case (.at(let value), _) where value < TimeText.least: JSONToken(string: "-infinity")
    case (.afterAll, _): JSONToken(string: "infinity")
    case (.at(let value), .date): JSONToken(string: TimeText.date(value))
    case (.at(let value), .timestamp): JSONToken(string: TimeText.timestamp(value, offset: ""))
    case (.at(let value), .timestampWithTimeZone):
      JSONToken(string: TimeText.timestamp(value, offset: "+00:00"))
    }
  }
}
