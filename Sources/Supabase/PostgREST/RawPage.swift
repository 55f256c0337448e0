package import JSON
import Transport

/// A page of rows as one body, to be passed on as it came: nobody has looked at its rows but at the last one.
package struct RawPage: Sendable {
  /// A JSON array of objects.
  package let bytes: [UInt8]
  /// Rows in it, as the server says.
  package let count: Int
  /// What the columns that were asked for have in the last row; empty where there is none.
  package let last: [JSONToken]
  /// The answer's `Date` header, seconds since 1970.
  package let serverDate: Int?

  package init(bytes: [UInt8], count: Int, last: [JSONToken], serverDate: Int?) {
    self.bytes = bytes
    self.count = count
    self.last = last
    self.serverDate = serverDate
  }

  package var isEmpty: Bool { count == 0 }

  /// Reads every row; for a page that cannot be passed on whole.
  package func rows() throws(JSONError) -> JSONRows { try JSONRows(bytes) }
}

extension PostgREST {
  /// One page whose rows are not read: their number is the server's (`Content-Range`, `pg-limit`), the last row is
  /// found from the body's end. That the body is whole is the transport's word; what is wrong in the midst of it the
  /// target refuses. Ends as `read` does: only an empty page is the end.
  ///
  /// - Parameter columns: of which the last row's values are given; `query.columns` must name them.
  package func page(
    _ query: ReadQuery, lastOf columns: [String]
  ) async throws(PostgRESTError) -> RawPage {
    var call = Call("GET", table: query.table)
    call.query = try written(call) { () throws(Unwritable) in try Self.text(of: query) }
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(answer, of: call, statuses: [200, 206])
      let bytes = answer.body
      var count = answer.contentRange?.count
      var last = LastRow.find(in: bytes)
      if count == nil || last == nil {
        let rows = try rows(in: answer, of: call)
        guard count == nil || count == rows.count else {
          throw failure(of: call, .unreadable, "answered with other rows than it said")
        }
        count = rows.count
        last = rows.rows.last
      }
      guard let count, count <= query.limit, (count == 0) == (last == nil) else {
        throw failure(of: call, .unreadable, "answered with more rows than were asked for")
      }
      guard let last else {
        return RawPage(bytes: bytes, count: 0, last: [], serverDate: answer.serverDate)
      }
      let found = (try? LastRow.values(of: columns, in: last, bytes)) ?? []
      let values = found.compactMap { $0 }
      guard values.count == columns.count else {
        throw failure(
          of: call, .unreadable, "answered with rows that lack columns it was asked for")
      }
      return RawPage(bytes: bytes, count: count, last: values, serverDate: answer.serverDate)
    }
  }

  /// How many rows the server's planner expects the table to have (`pg-count-planned-page`); nil where it does not
  /// say. As old as the table's statistics.
  package func estimatedCount(of table: TableName) async throws(PostgRESTError) -> Int? {
    var call = Call("GET", table: table)
    call.prefer = ["count=planned"]
    call.query.add("limit", "1")
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(answer, of: call, statuses: [200, 206])
      return answer.contentRange?.total
    }
  }
}
