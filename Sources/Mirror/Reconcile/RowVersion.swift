package import JSON

extension IncrementalField {
  /// Whether a row's value tells which state of the row it is: every change moves it forward, and a clock of
  /// microseconds hardly shows one time twice. A date stays the same all day; an integer may be a number that only
  /// the insert sets.
  package var tellsVersions: Bool {
    switch kind {
    case .timestampWithTimeZone, .timestamp: true
    case .date, .integer: false
    }
  }

  /// The version that a row's value says, microseconds since 2000-01-01: rows of one key and version are the same
  /// row, column by column. nil where the value cannot tell: then only a comparison of all columns can.
  package func version(of value: JSONToken) -> Int64? {
    guard tellsVersions, case .at(let time)? = position(of: value),
      StampPrecision(of: time) == .microseconds
    else { return nil }
    return time
  }
}
