import JSON
import Transport

extension PostgREST {
  /// Inserts or updates (`resolution=merge-duplicates`) an array of objects. `columns` are the ones written, and
  /// every object must have them: one that is missing is written as null.
  /// - Returns: the rows the server says it wrote; nil where it did not say.
  package func upsert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int? {
    if Self.isEmptyArray(rows) { return 0 }
    return try await confirmed(
      try upsertCall(rows, table, keyColumns, columns, prefer: "return=minimal, count=exact"))
  }

  /// Inserts an array of objects; what is there under a row's key stays as it is.
  /// - Returns: the rows the server says it inserted (`ups-ignore-count`); nil where it did not say.
  package func insert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int? {
    if Self.isEmptyArray(rows) { return 0 }
    return try await confirmed(
      try upsertCall(
        rows, table, keyColumns, columns, resolution: "ignore-duplicates",
        prefer: "return=minimal, count=exact"))
  }

  private func confirmed(_ call: Call) async throws(PostgRESTError) -> Int? {
    try await perform(call) { answer throws(PostgRESTError) in
      // 201, or 200 where every row was there (v12). The range is what shows that PostgREST answered, as there
      // is no body.
      guard [200, 201].contains(answer.status), answer.body.isEmpty, let range = answer.contentRange
      else {
        throw failure(
          of: call, .unreadable,
          "did not confirm the write as PostgREST does; is the URL a Supabase project?")
      }
      return range.total
    }
  }

  /// The same, answered with the keys of the rows written: those a trigger skipped are missing (`ups-guarded-skip`).
  package func upsertReturningKeys(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> [RowKey] {
    if Self.isEmptyArray(rows) { return [] }
    var call = try upsertCall(rows, table, keyColumns, columns, prefer: "return=representation")
    let names = try written(call) { () throws(Unwritable) in try QueryString.names(keyColumns) }
    call.query.add("select", names)
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(answer, of: call, statuses: [200, 201])
      return try keys(in: answer, of: call, keyColumns)
    }
  }

  /// Deletes exactly the rows of these keys; the others' absence is no error.
  ///
  /// That the filter can be neither cut nor ignored is seen to four times over:
  /// - It is one parameter of a fixed name, its names and values quoted (`del-or-composite`, `del-in-text-quoted`);
  ///   a key that the server would cut is refused before anything is sent (`del-nul`).
  /// - `limit=` the number of keys and `order=` the key columns: PostgREST up to 12 deletes no more rows than that
  ///   whatever the filter (`del-limit-offset`; without `order` it refuses, `del-limit-no-order`). Later ones
  ///   have dropped the feature and pass it over.
  /// - `handling=strict, max-affected=`: from 12 on more rows are an error and nothing is changed
  ///   (`pat-max-affected`); 11 passes it over.
  /// - The keys of the deleted rows are returned, and checked against those named.
  ///
  /// Requests are sent one after the other; when one fails, those before it stand.
  /// - Returns: the rows the server says it deleted.
  package func delete(
    _ keys: [RowKey], from table: TableName, keyColumns: [String]
  ) async throws(PostgRESTError) -> Int {
    var base = Call("DELETE", table: table)
    base.query = try written(base) { () throws(Unwritable) in
      var text = QueryString()
      text.add("select", try QueryString.names(keyColumns))
      text.add("order", try QueryString.order(keyColumns))
      text.add("limit", "\(keys.count)")
      return text
    }
    let (filter, parts) = try keyFilter(keys, keyColumns, base, atMost: .max)
    var deleted = 0
    for part in parts {
      var call = Call("DELETE", table: table)
      call.prefer = ["return=representation", "handling=strict", "max-affected=\(part.count)"]
      call.query = try written(call) { () throws(Unwritable) in
        var text = QueryString()
        text.add("select", try QueryString.names(keyColumns))
        let (name, value) = try filter.parameter(part)
        text.add(name, value)
        text.add("order", try QueryString.order(keyColumns))
        text.add("limit", "\(part.count)")
        return text
      }
      let gone = try await perform(call) { answer throws(PostgRESTError) in
        try expect(answer, of: call, statuses: [200])
        return try self.keys(in: answer, of: call, keyColumns)
      }
      guard gone.count <= part.count,
        DeletedKeys(asked: filter.keys[part]).firstForeign(in: gone) == nil
      else { throw deletedOthers(call) }
      deleted += gone.count
    }
    return deleted
  }

  /// Never retried: the request must not go out again.
  private func deletedOthers(_ call: Call) -> PostgRESTError {
    failure(
      of: call, .unreadable,
      "says it deleted rows that were not named; stop, and compare the table with its source")
  }

  /// Never with `missing=default`, which would write defaults over values, and costs a third of the speed.
  private func upsertCall(
    _ rows: [UInt8], _ table: TableName, _ keyColumns: [String], _ columns: [String],
    resolution: String = "merge-duplicates", prefer: String
  ) throws(PostgRESTError) -> Call {
    var call = Call("POST", table: table)
    call.prefer = ["resolution=\(resolution)", prefer]
    call.body = rows
    call.query = try written(call) { () throws(Unwritable) in
      var text = QueryString()
      // With it PostgREST passes the body on unparsed (`ins-columns-raw-dup-key`).
      text.add("columns", try QueryString.names(columns))
      text.add("on_conflict", try QueryString.names(keyColumns))
      return text
    }
    return call
  }

  private func keys(
    in answer: HTTPAnswer, of call: Call, _ columns: [String]
  ) throws(PostgRESTError) -> [RowKey] {
    let rows = try rows(in: answer, of: call)
    var keys: [RowKey] = []
    keys.reserveCapacity(rows.count)
    for i in 0..<rows.count {
      let values = (try? rows.values(of: columns, inRow: i)) ?? []
      let present = values.compactMap { $0 }
      guard present.count == columns.count else {
        throw failure(of: call, .unreadable, "answered with rows without their keys")
      }
      keys.append(RowKey(present))
    }
    return keys
  }

  private static func isEmptyArray(_ rows: [UInt8]) -> Bool {
    rows.prefix(16).filter { $0 > 0x20 } == Array("[]".utf8) && rows.count <= 16
  }
}

/// Whether deleted rows are among those that were named.
///
/// One value may be written in two ways (a timestamp, a numeric, a citext), so only what cannot be the same value
/// counts: other integers, other UUIDs.
struct DeletedKeys {
  private let asked: [RowKey]
  private let exact: Set<RowKey>

  init(asked: some Collection<RowKey>) {
    self.asked = Array(asked)
    exact = Set(asked)
  }

  func firstForeign(in deleted: [RowKey]) -> RowKey? {
    deleted.first { key in
      !exact.contains(key) && !asked.contains { Self.couldBe($0, key) }
    }
  }

  private static func couldBe(_ asked: RowKey, _ deleted: RowKey) -> Bool {
    zip(asked.values, deleted.values).allSatisfy { a, b in
      guard a != b else { return true }
      guard let a = try? FilterText.text(a), let b = try? FilterText.text(b) else { return false }
      if a == b { return true }
      if isInteger(a) && isInteger(b) { return false }
      return !(isUUID(a) && isUUID(b)) || a.lowercased() == b.lowercased()
    }
  }

  private static func isInteger(_ text: String) -> Bool {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    return !digits.isEmpty && digits.first != "0"
      && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  private static func isUUID(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 4, 4, 4, 12] && text.allSatisfy { $0.isHexDigit || $0 == "-" }
  }
}
