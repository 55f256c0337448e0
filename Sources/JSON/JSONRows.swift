/// A JSON array of objects, as PostgREST sends a page: the received bytes and where each row stands in them.
package struct JSONRows: Sendable {
  package let bytes: [UInt8]
  /// Each row's object, from `{` to `}`.
  package let rows: [Range<Int>]

  /// Checks the whole text and finds the rows.
  package init(_ bytes: [UInt8]) throws(JSONError) { fatalError("skeleton") }

  package var count: Int { rows.count }
  package var isEmpty: Bool { rows.isEmpty }

  /// The values of the named members of one row, nil where the row has no such member.
  package func values(of names: [String], inRow index: Int) throws(JSONError) -> [JSONToken?] {
    fatalError("skeleton")
  }

  /// An array of the named rows, each byte for byte as received.
  package func array(of indices: some Sequence<Int>) -> [UInt8] { fatalError("skeleton") }
}
