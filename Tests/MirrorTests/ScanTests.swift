import JSON
import Mirror
import Supabase
import Testing

private func plan(
  key: [String] = ["id"], field: String = "at", isNullable: Bool = false
) throws -> TablePlan {
  var columns = ["id", "k", "v"].map {
    Column(
      name: $0, format: "bigint", isNotNull: true, isPrimaryKey: key.contains($0), references: nil)
  }
  columns.append(
    Column(
      name: "at", format: "timestamp with time zone", isNotNull: !isNullable, isPrimaryKey: false,
      references: nil))
  let table = TableDescription(name: TableName(name: "t"), columns: columns)
  return try TablePlan(
    TableConfiguration(name: table.name, primaryKeys: key, incrementalFields: [field]),
    source: table, target: table)
}

private func cursor(_ at: Int, _ id: Int) -> Cursor { Cursor([int(at), int(id)]) }

@Test func `a scan goes on behind the last row until a page is empty`() throws {
  let plan = try plan()
  var scan = Scan(plan, from: int(5))
  #expect(scan.query(limit: 2)?.filters == [.greaterOrEqual("at", int(5))])
  #expect(scan.query(limit: 2)?.order == ["at", "id"])
  scan.advance(first: cursor(5, 1), last: cursor(6, 2), lastKey: RowKey([int(2)]))
  #expect(
    scan.query(limit: 2)?.filters == [.after(columns: ["at", "id"], values: [int(6), int(2)])])
  // A page of one row may be the end of a tie, or of the server's patience.
  scan.advance(first: cursor(7, 1), last: cursor(7, 1), lastKey: RowKey([int(1)]))
  #expect(scan.stage == .after(cursor(7, 1)))
  scan.advance(first: nil, last: nil, lastKey: nil)
  #expect(scan.query(limit: 2) == nil)
}

@Test func `inside one value a scan goes by key, then beyond the value`() throws {
  var scan = Scan(try plan(), from: nil)
  #expect(scan.query(limit: 2)?.filters == [])
  scan.advance(first: cursor(5, 1), last: cursor(5, 2), lastKey: nil)
  #expect(
    scan.query(limit: 2)?.filters
      == [.equal("at", int(5)), .after(columns: ["id"], values: [int(2)])])
  #expect(scan.query(limit: 2)?.order == ["id"])
  scan.advance(first: cursor(5, 3), last: cursor(5, 3), lastKey: nil)
  #expect(scan.stage == .withinTie(cursor(5, 3)))
  scan.advance(first: nil, last: nil, lastKey: nil)
  #expect(scan.query(limit: 2)?.filters == [.greater("at", int(5))])
  scan.advance(first: nil, last: nil, lastKey: nil)
  #expect(scan.stage == .finished)
}

@Test func `rows without a value come last, by key`() throws {
  var scan = Scan(try plan(isNullable: true), from: nil)
  #expect(scan.query(limit: 2)?.filters == [.isNotNull("at")])
  #expect(scan.isOrdered)
  scan.advance(first: nil, last: nil, lastKey: nil)
  #expect(!scan.isOrdered)
  #expect(scan.query(limit: 2)?.filters == [.isNull("at")])
  scan.advance(
    first: Cursor([.null, int(1)]), last: Cursor([.null, int(2)]), lastKey: RowKey([int(2)]))
  #expect(
    scan.query(limit: 2)?.filters == [.isNull("at"), .after(columns: ["id"], values: [int(2)])])
  scan.advance(first: nil, last: nil, lastKey: nil)
  #expect(scan.query(limit: 2) == nil)
}

@Test func `where the field is the whole key there are no ties`() throws {
  let plan = try plan(key: ["id"], field: "id")
  #expect(plan.orderColumns == ["id"])
  var scan = Scan(plan, from: nil)
  scan.advance(first: Cursor([int(1)]), last: Cursor([int(2)]), lastKey: nil)
  #expect(scan.query(limit: 9)?.filters == [.after(columns: ["id"], values: [int(2)])])
}

@Test func `where the field is a part of the key the rest breaks ties`() throws {
  let plan = try plan(key: ["k", "id"], field: "id")
  #expect(plan.orderColumns == ["id", "k"])
  #expect(plan.tieColumns == ["k"])
}

@Test func `ending the order leaves the rows without a value`() throws {
  var scan = Scan(try plan(), from: nil)
  scan.endOrder()
  #expect(scan.stage == .finished)
  scan = Scan(try plan(isNullable: true), from: nil)
  scan.endOrder()
  #expect(scan.stage == .withoutValue(after: nil))
  scan.endOrder()
  #expect(scan.stage == .withoutValue(after: nil))
}

@Test func `pages grow to a size of bytes, by large steps only where they are quick`() {
  var size = PageSize(rows: 500)
  size.came(count: 500, asked: 500, bytes: 10_000, elapsed: .milliseconds(300))
  #expect(size.rows == 1_000)
  size.came(count: 1_000, asked: 1_000, bytes: 20_000, elapsed: .seconds(1))
  #expect(size.rows == 1_000)
  // Asked for before pages became longer.
  size.came(count: 500, asked: 500, bytes: 10_000, elapsed: .milliseconds(50))
  #expect(size.rows == 1_000)
  size.came(count: 1_000, asked: 1_000, bytes: 917_504, elapsed: .milliseconds(50))
  #expect(size.rows == 2_000)
  size.came(count: 2_000, asked: 2_000, bytes: 8 << 20, elapsed: .zero)
  #expect(size.rows == 437)
  size = PageSize(rows: 500)
  size.came(count: 500, asked: 500, bytes: 10_000, elapsed: .milliseconds(50))
  #expect(size.rows == 4_000)
}

@Test func `rows of uneven size do not make pages swing`() {
  var size = PageSize(rows: 1_000)
  for bytes in [1_835_008, 2_097_152, 1_900_000, 2_000_000] {
    size.came(count: 1_000, asked: 1_000, bytes: bytes, elapsed: .milliseconds(50))
    #expect(size.rows == 1_000)
  }
}

@Test func `pages keep to the server's cap and to what is left after a refusal`() {
  var size = PageSize(rows: 500)
  size.came(count: 100, asked: 500, bytes: 1_000, elapsed: .zero)
  #expect(size.rows == 100)
  // Nothing follows: it may have been the last one.
  size.came(count: 7, asked: 100, bytes: 70, elapsed: .zero, isFollowed: false)
  #expect(size.rows == 100)
  size.came(count: 100, asked: 100, bytes: 1_000, elapsed: .zero)
  #expect(size.rows == 100)
  let shrunk = size.shrink()
  #expect(shrunk && size.rows == 50)
  size.came(count: 50, asked: 50, bytes: 500, elapsed: .zero)
  #expect(size.rows == 50)
}

@Test func `pages are of one row at least and do not grow past the most`() {
  var size = PageSize(rows: 0)
  #expect(size.rows == 1)
  let shrunk = size.shrink()
  #expect(!shrunk)
  size.came(count: 1, asked: 1, bytes: 100 << 20, elapsed: .zero)
  #expect(size.rows == 1)
  // The empty page at the end of a run of one value.
  size.came(count: 0, asked: 1, bytes: 2, elapsed: .zero)
  #expect(size.rows == 1)
  for _ in 0..<40 {
    size.came(count: size.rows, asked: size.rows, bytes: 10, elapsed: .zero)
  }
  #expect(size.rows == 5_000)
}
