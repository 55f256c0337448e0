import JSON
import Mirror
import Supabase
import Transport

/// A project in memory: what `PostgREST` promises, without a server.
actor MemoryProject: MirroredProject {
  struct Request: Sendable {
    enum Kind: Hashable, Sendable {
      case catalogue, read, rows, upsert, insert, upsertReturningKeys, delete, count, rpc
    }
    let kind: Kind
    let table: TableName?
    var function = ""
    /// Rows sent, or asked for.
    var count = 0
    var query: ReadQuery?

    var isWrite: Bool { [.upsert, .insert, .upsertReturningKeys, .delete].contains(kind) }
  }

  /// What a trigger or a constraint makes of a row that is written.
  enum Verdict {
    case accept
    /// An SQLSTATE.
    case refuse(String)
    case skip
    case change([String: JSONToken])
  }

  typealias Hook = @Sendable (isolated MemoryProject, Request) -> PostgRESTError?

  nonisolated let role: String
  /// Microseconds since 2000-01-01.
  nonisolated let clock: Locked<Int64>
  var tables: [TableName: MemoryTable] = [:]
  var functions: Set<String> = []
  var schemas: Set<String> = ["public"]
  /// Answers have a `Date`.
  var tellsTime = true
  /// The server's `db-max-rows`.
  var cap: Int?
  /// What the planner expects of every table; nil: it is right.
  var estimate: Int?
  /// A gateway's limit on rows a write.
  var writeCap: Int?
  var rule: @Sendable (TableName, [String: JSONToken]) -> Verdict = { _, _ in .accept }
  /// Runs before the request is looked at; an error fails it without effect.
  var before: Hook = { _, _ in nil }
  /// Runs after it has happened; an error loses the answer.
  var after: Hook = { _, _ in nil }
  /// How it digests rows.
  var digestForm = "1"
  /// Starts of transactions that still run.
  var running: [Int64] = []
  /// So much earlier the horizon is told.
  var horizonMargin: Int64 = 0
  var logged: Set<TableName> = []
  var sequences: [SequenceState] = []
  /// Why no sequence can be raised.
  var raiseProblem: String?
  var disabledTriggers: [DisabledTrigger] = []
  private(set) var requests: [Request] = []
  /// Told of every change when it is committed.
  var observer: @Sendable (MemoryChange) -> Void = { _ in }
  private var lastEntry: Int64 = 0

  init(_ role: String, clock: Locked<Int64>) {
    self.role = role
    self.clock = clock
  }

  func change(_ body: @Sendable (isolated MemoryProject) -> Void) { body(self) }

  func forgetRequests() { requests = [] }

  func error(
    _ status: Int, _ code: String?, _ table: TableName? = nil, isWrite: Bool = false,
    subject: String? = nil, finding: PostgRESTError.Finding? = nil
  ) -> PostgRESTError {
    PostgRESTError(
      kind: .server(status: status, code: code), project: role, table: table,
      message: "the \(role) answered \(status) \(code ?? "") for \(table?.description ?? "it")",
      subject: subject, isWrite: isWrite, finding: finding)
  }

  func failure(_ kind: HTTPError.Kind, isWrite: Bool = false) -> PostgRESTError {
    PostgRESTError(
      kind: .transport(kind), project: role, table: nil,
      message: "the \(role) did not answer: \(kind)", isWrite: isWrite)
  }

  /// One request: cancellation, hooks, log.
  private func perform<Result>(
    _ request: Request, _ body: () throws(PostgRESTError) -> Result
  ) throws(PostgRESTError) -> Result {
    requests.append(request)
    if Task.isCancelled { throw failure(.cancelled, isWrite: request.isWrite) }
    if let error = before(self, request) { throw error }
    if let table = request.table, tables[table] == nil {
      throw error(404, "PGRST205", table, isWrite: request.isWrite)
    }
    let result = try body()
    if let error = after(self, request) { throw error }
    return result
  }

  private var serverDate: Int? {
    guard tellsTime else { return nil }
    let micros = clock.withLock { $0 } - TimeText.unixEpoch
    return Int(micros / 1_000_000)
  }

  // Reading

  func catalogue(of schema: String) throws(PostgRESTError) -> Catalogue {
    try perform(Request(kind: .catalogue, table: nil)) { () throws(PostgRESTError) in
      guard schemas.contains(schema) else { throw error(406, "PGRST106") }
      let descriptions = tables.filter { $0.key.schema == schema }.mapValues {
        TableDescription(name: $0.name, columns: $0.columns)
      }
      return Catalogue(tables: descriptions, functions: functions)
    }
  }

  func read(_ query: ReadQuery) throws(PostgRESTError) -> Page {
    let request = Request(kind: .read, table: query.table, count: query.limit, query: query)
    return try perform(request) { () throws(PostgRESTError) in
      precondition(query.limit > 0 && query.offset >= 0)
      let table = tables[query.table]!
      try require(
        query.columns + query.order + query.filters.flatMap(\.columns), of: query.table)
      return page(
        table.text(of: table.select(query, cap: cap), query.columns),
        total: query.isCounted ? table.count(query.filters) : nil)
    }
  }

  func page(_ query: ReadQuery, lastOf columns: [String]) throws(PostgRESTError) -> RawPage {
    let page = try read(query)
    let last =
      page.rows.isEmpty ? nil : try? page.rows.values(of: columns, inRow: page.rows.count - 1)
    return RawPage(
      bytes: page.rows.bytes, count: page.rows.count, last: last?.compactMap { $0 } ?? [],
      serverDate: page.serverDate)
  }

  func rows(
    of name: TableName, keys: [RowKey], keyColumns: [String], columns: [String], atMost: Int
  ) throws(PostgRESTError) -> [Page] {
    var pages: [Page] = []
    let step = min(max(1, atMost), cap ?? .max)
    for start in stride(from: 0, to: keys.count, by: step) {
      let part = keys[start..<min(start + step, keys.count)]
      let request = Request(kind: .rows, table: name, count: part.count)
      pages.append(
        try perform(request) { () throws(PostgRESTError) in
          let table = tables[name]!
          try require(keyColumns + columns, of: name)
          let found = Set(part.compactMap { table.stored($0, keyColumns) })
          return page(table.text(of: found.map { table.rows[$0]! }, columns))
        })
    }
    return pages
  }

  func count(of name: TableName, filters: [Filter]) throws(PostgRESTError) -> Int {
    try perform(Request(kind: .count, table: name)) { () throws(PostgRESTError) in
      try require(filters.flatMap(\.columns), of: name)
      return tables[name]!.count(filters)
    }
  }

  func estimatedCount(of name: TableName) throws(PostgRESTError) -> Int? {
    try perform(Request(kind: .count, table: name)) { estimate ?? tables[name]!.rows.count }
  }

  private func page(_ text: [UInt8], total: Int? = nil) -> Page {
    guard let rows = try? JSONRows(text) else { fatalError("rows that cannot be read") }
    return Page(rows: rows, serverDate: serverDate, total: total)
  }

  // Writing

  func upsert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) throws(PostgRESTError) -> Int? {
    let parsed = parse(rows)
    let request = Request(kind: .upsert, table: table, count: parsed.count)
    return try perform(request) { () throws(PostgRESTError) in
      try write(parsed, table, keyColumns, columns).count
    }
  }

  func insert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) throws(PostgRESTError) -> Int? {
    let parsed = parse(rows)
    let request = Request(kind: .insert, table: table, count: parsed.count)
    return try perform(request) { () throws(PostgRESTError) in
      try write(parsed, table, keyColumns, columns, isInsert: true).count
    }
  }

  func upsertReturningKeys(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) throws(PostgRESTError) -> [RowKey] {
    let parsed = parse(rows)
    let request = Request(kind: .upsertReturningKeys, table: table, count: parsed.count)
    return try perform(request) { () throws(PostgRESTError) in
      try write(parsed, table, keyColumns, columns)
    }
  }

  func delete(
    _ keys: [RowKey], from table: TableName, keyColumns: [String]
  ) throws(PostgRESTError) -> Int {
    precondition(!keys.isEmpty, "a filter for no keys would match every row")
    let request = Request(kind: .delete, table: table, count: keys.count)
    return try perform(request) { () throws(PostgRESTError) in
      try require(keyColumns, of: table)
      var changed = tables
      let gone = Set(keys.compactMap { changed[table]!.stored($0, keyColumns) })
      try remove(gone, from: table, in: &changed)
      tables = changed
      for key in gone { tell(.delete, table, new: nil, old: key) }
      return gone.count
    }
  }

  private func parse(_ bytes: [UInt8]) -> JSONRows {
    guard let rows = try? JSONRows(bytes) else { fatalError("a body that cannot be read") }
    return rows
  }

  // The ledger

  func rpc(
    _ function: String, schema: String, arguments: [UInt8]
  ) throws(PostgRESTError) -> [UInt8] {
    let request = Request(kind: .rpc, table: nil, function: function)
    return try perform(request) { () throws(PostgRESTError) in
      guard functions.contains(function), let node = try? JSONNode(parsing: arguments) else {
        throw error(404, "PGRST202")
      }
      return try answer(function, node)
    }
  }

  func nextEntry() -> Int64 {
    lastEntry += 1
    return lastEntry
  }
}
