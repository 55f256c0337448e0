package import JSON

/// A row's value of the incremental field, as far as it tells which state of the row it is.
package struct RowVersion: Hashable, Sendable {
  /// Microseconds since 2000-01-01.
  package let time: Int64

  /// Rows of one key and version are the same row, column by column: every change moves the time forward, and a
  /// clock of microseconds hardly shows one time twice.
  package var isExact: Bool { StampPrecision(of: time) == .microseconds }

  /// So they are where the row was read when no transaction could give it the same time any more.
  ///
  /// - Parameter horizon: all transactions that began before it had ended.
  package func isSettled(at horizon: Int64) -> Bool {
    isExact || StampPrecision(of: time).isOver(for: time, at: horizon)
  }
}

extension IncrementalField {
  /// Whether values can be versions. A date stays the same all day; an integer may be a number that only the insert
  /// sets.
  package var tellsVersions: Bool {
    switch kind {
    case .timestampWithTimeZone, .timestamp: true
    case .date, .integer: false
    }
  }

  /// nil where the value cannot tell: then only a comparison of all columns can.
  package func version(of value: JSONToken) -> RowVersion? {
    guard tellsVersions, case .at(let time)? = position(of: value) else { return nil }
    return RowVersion(time: time)
  }
}
