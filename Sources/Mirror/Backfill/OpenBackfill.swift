package import JSON

/// A table's first copy under way, by key. Durable, so that a pass takes it up where the last one ended.
package struct OpenBackfill: Hashable, Sendable {
  /// Where the checkpoint goes when the copy ends: taken before its first row was read, as what is changed from
  /// then on may be changed behind the copy's back.
  package var cap: JSONToken
  /// What is still to be copied. Disjoint, in no order; every key is in one of them or has been passed.
  package var ranges: [KeyRange]
  /// When the oldest transaction began that still ran then; nil: unknown.
  package var horizon: Int64?
  /// Rows read so far, by all passes.
  package var rows = 0
  /// How many the server expects the table to have; nil: it was not asked, or does not say.
  package var estimate: Int?

  package init(cap: JSONToken, ranges: [KeyRange]) {
    self.cap = cap
    self.ranges = ranges
  }

  package subscript(id: Int) -> KeyRange? {
    get { ranges.first { $0.id == id } }
    set {
      ranges.removeAll { $0.id == id }
      if let newValue { ranges.append(newValue) }
    }
  }
}

/// Keys from one to another in the server's own order, without its start and with its end. nil is the order's very
/// start or end. A row that is put in anywhere is in exactly one range, or beyond the greatest key that there was.
package struct KeyRange: Hashable, Sendable {
  /// Among the ranges of one run.
  package let id: Int
  /// Everything of the range up to here is on the target or in quarantine.
  package var after: [JSONToken]?
  package var upTo: [JSONToken]?
  /// Rows that are expected in it; nil: nobody knows.
  package var left: Int?

  package init(
    id: Int, after: [JSONToken]? = nil, upTo: [JSONToken]? = nil, left: Int? = nil
  ) {
    self.id = id
    self.after = after
    self.upTo = upTo
    self.left = left
  }
}
