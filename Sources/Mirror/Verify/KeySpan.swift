package import JSON
package import Supabase

/// The keys above `lower`, up to `upper`; nil is an open end.
package struct KeySpan: Hashable, Sendable {
  package var lower: RowKey?
  package var upper: RowKey?

  package init(lower: RowKey?, upper: RowKey?) {
    self.lower = lower
    self.upper = upper
  }

  package static let all = KeySpan(lower: nil, upper: nil)
}

/// What one project has in a range, or of a key: how many rows, and the sum of their digests.
package struct RangeDigest: Hashable, Sendable {
  package var rows: Int
  /// As the server wrote it; equal sums have equal texts.
  package var sum: JSONToken

  package init(rows: Int, sum: JSONToken) {
    self.rows = rows
    self.sum = sum
  }
}

/// One of the two projects that are compared.
package enum ComparedSide: Sendable {
  case source, target

  var other: ComparedSide { self == .source ? .target : .source }
}

/// A range as it was cut by one project.
struct CutRange: Sendable {
  struct Part: Sendable {
    var range: KeySpan
    var digest: RangeDigest
    /// The last row's key; nil where the part is not full.
    var lastKey: RowKey?
  }

  /// They join, from the range's lower bound to its upper one or to the rest.
  var parts: [Part]
  /// What was not looked at; nil where the parts are all of it.
  var rest: KeySpan?
}
