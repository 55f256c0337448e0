import JSON
import Transport

extension PostgREST {
  /// One page. It may be shorter than the limit without being the last: the server has a cap of its own, which it
  /// does not tell (`pg-limit-over-cap`). Only an empty page is the end, or one that has all the rows that were
  /// counted with it (`pg-count-exact-page`).
  package func read(_ query: ReadQuery) async throws(PostgRESTError) -> Page {
    var call = Call("GET", table: query.table)
    if query.isCounted { call.prefer = ["count=exact"] }
    call.query = try written(call) { () throws(Unwritable) in try Self.text(of: query) }
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(answer, of: call, statuses: [200, 206])
      let rows = try rows(in: answer, of: call)
      guard rows.count <= query.limit else {
        throw failure(of: call, .unreadable, "answered with more rows than were asked for")
      }
      let total = query.isCounted ? answer.contentRange?.total : nil
      guard total.map({ rows.count <= $0 }) ?? true else {
        throw failure(of: call, .unreadable, "answered with more rows than it counted")
      }
      return Page(rows: rows, serverDate: answer.serverDate, total: total)
    }
  }

  static func text(of query: ReadQuery) throws(Unwritable) -> QueryString {
    var text = QueryString()
    text.add("select", try QueryString.names(query.columns))
    if let (name, value) = try FilterText.parameter(query.filters) { text.add(name, value) }
    if !query.order.isEmpty {
      text.add("order", try QueryString.order(query.order, isDescending: query.isDescending))
    }
    guard query.limit > 0, query.offset >= 0 else {
      throw Unwritable(reason: "its limit is not positive, or its offset negative")
    }
    text.add("limit", "\(query.limit)")
    if query.offset > 0 { text.add("offset", "\(query.offset)") }
    return text
  }

  /// The rows of these keys that exist, in as few requests as URLs allow; a page a request, so that a caller
  /// may relay each body. The rows come in no particular order. Never more keys a request than `atMost`.
  ///
  /// A key without a row is evidence, so an answer that the server cut short (`db-max-rows` does so without a
  /// word, `pg-cap`) must not pass for one: every request has the rows counted, and where fewer came than were
  /// counted, it is asked again in halves.
  package func rows(
    of table: TableName, keys: [RowKey], keyColumns: [String], columns: [String], atMost: Int
  ) async throws(PostgRESTError) -> [Page] {
    if keys.isEmpty { return [] }
    var base = Call("GET", table: table)
    base.prefer = ["count=exact"]
    base.query = try written(base) { () throws(Unwritable) in
      var text = QueryString()
      text.add("select", try QueryString.names(columns))
      return text
    }
    let (filter, parts) = try keyFilter(keys, keyColumns, base, atMost: atMost)
    var pages: [Page] = []
    var waiting = Array(parts.reversed())
    while let part = waiting.popLast() {
      var call = base
      let (name, value) = try written(call) { () throws(Unwritable) in
        try filter.parameter(part)
      }
      call.query.add(name, value)
      let page: Page? = try await perform(call) { answer throws(PostgRESTError) in
        try expect(answer, of: call, statuses: [200, 206])
        let rows = try rows(in: answer, of: call)
        guard let total = answer.contentRange?.total, rows.count <= total, total <= part.count
        else {
          throw failure(of: call, .unreadable, "answered with other rows than were asked for")
        }
        if rows.count == total { return Page(rows: rows, serverDate: answer.serverDate) }
        guard part.count > 1 else {
          throw failure(of: call, .unreadable, "counted a row, but did not send it")
        }
        return nil
      }
      if let page {
        pages.append(page)
      } else {
        let middle = part.lowerBound + part.count / 2
        waiting += [middle..<part.upperBound, part.lowerBound..<middle]
      }
    }
    return pages
  }

  /// How many rows the filters match, counted exactly: by a page of one row and its `Content-Range`
  /// (`pg-count-exact-page`, `pg-count-exact-none`), since after a HEAD the server would close the connection.
  package func count(of table: TableName, filters: [Filter]) async throws(PostgRESTError) -> Int {
    var call = Call("GET", table: table)
    call.prefer = ["count=exact"]
    call.query = try written(call) { () throws(Unwritable) in
      var text = QueryString()
      if let column = filters.lazy.compactMap(\.column).first {
        text.add("select", try QueryString.names([column]))
      }
      if let (name, value) = try FilterText.parameter(filters) { text.add(name, value) }
      text.add("limit", "1")
      return text
    }
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(answer, of: call, statuses: [200, 206])
      let rows = try rows(in: answer, of: call)
      guard let total = answer.contentRange?.total, rows.count <= 1, rows.count <= total,
        total == 0 || rows.count == 1
      else { throw failure(of: call, .unreadable, "did not say how many rows there are") }
      return total
    }
  }

  /// The keys as a filter and its parts, each short enough for a URL after what `call` holds already.
  func keyFilter(
    _ keys: [RowKey], _ columns: [String], _ call: Call, atMost: Int
  ) throws(PostgRESTError) -> (KeyFilter, [Range<Int>]) {
    try written(call) { () throws(Unwritable) in
      let filter = try KeyFilter(keys: keys, columns: columns)
      let room = limits.maximumURLBytes - call.url(of: project).utf8.count
      return (filter, try filter.parts(bytes: room, atMost: atMost))
    }
  }
}

extension Filter {
  /// A column that the filter names.
  fileprivate var column: String? {
    switch self {
    case .equal(let column, _), .lessOrEqual(let column, _), .greater(let column, _),
      .greaterOrEqual(let column, _), .isNull(let column), .isNotNull(let column),
      .arrayLacks(let column, _):
      column
    case .after(let columns, _), .notAfter(let columns, _): columns.first
    case .all(let parts), .any(let parts): parts.lazy.compactMap(\.column).first
    }
  }
}
