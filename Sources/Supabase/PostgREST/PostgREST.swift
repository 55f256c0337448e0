package import JSON
package import Transport

/// How long the client tries, and how large it lets requests and answers become.
package struct RequestLimits: Sendable {
  /// One request, from start to the last byte. PostgREST retries SQLSTATE 40001 inside the server for ever, so this is the only end.
  package var requestTime: Duration = .seconds(60)
  /// All tries of one request, waits included.
  package var retryTime: Duration = .seconds(120)
  package var maximumAnswerBytes = 256 << 20
  /// Of one URL, so that gateways accept it.
  package var maximumURLBytes = 8_000

  package init() {}
}

/// A page of rows and when the server answered.
package struct Page: Sendable {
  package let rows: JSONRows
  /// The answer's `Date` header, seconds since 1970.
  package let serverDate: Int?

  package init(rows: JSONRows, serverDate: Int?) {
    self.rows = rows
    self.serverDate = serverDate
  }
}

/// One project's PostgREST. Every request is idempotent; what may be retried is retried here, with backoff,
/// until `RequestLimits.retryTime`; then the error is thrown. May be used concurrently.
package struct PostgREST: Sendable {
  package let project: Project

  /// - Parameter origin: the mirror's name, sent with every request as `x-supamirror-origin`.
  package init(
    project: Project, origin: String, transport: any HTTPTransport,
    limits: RequestLimits = RequestLimits(),
    clock: any Clock<Duration> = ContinuousClock()
  ) { self.project = project }

  /// The OpenAPI document of one schema.
  package func catalogue(of schema: String) async throws(PostgRESTError) -> Catalogue {
    fatalError("skeleton")
  }

  package func read(_ query: ReadQuery) async throws(PostgRESTError) -> Page {
    fatalError("skeleton")
  }

  /// The rows of these keys that exist, in as few requests as URLs allow; a page a request, so that a caller
  /// may relay each body. The rows come in no particular order. Never more keys a request than `atMost`.
  package func rows(
    of table: TableName, keys: [RowKey], keyColumns: [String], columns: [String], atMost: Int
  ) async throws(PostgRESTError) -> [Page] { fatalError("skeleton") }

  /// Inserts or updates (`resolution=merge-duplicates`) an array of objects. `columns` are the ones written.
  /// - Returns: the rows the server says it wrote; nil where it did not say.
  package func upsert(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> Int? { fatalError("skeleton") }

  /// The same, answered with the keys of the rows written: those a trigger skipped are missing.
  package func upsertReturningKeys(
    _ rows: [UInt8], into table: TableName, keyColumns: [String], columns: [String]
  ) async throws(PostgRESTError) -> [RowKey] { fatalError("skeleton") }

  /// Deletes exactly the rows of these keys. The filter is built so that the server can neither cut nor ignore it.
  /// - Returns: the rows the server says it deleted.
  package func delete(
    _ keys: [RowKey], from table: TableName, keyColumns: [String]
  ) async throws(PostgRESTError) -> Int { fatalError("skeleton") }

  /// How many rows the filters match, counted exactly.
  package func count(of table: TableName, filters: [Filter]) async throws(PostgRESTError) -> Int {
    fatalError("skeleton")
  }

  /// Calls a function by POST with a JSON object of arguments.
  /// - Returns: the answer's body; empty for a void function.
  package func rpc(
    _ function: String, schema: String = "public", arguments: [UInt8]
  ) async throws(PostgRESTError) -> [UInt8] { fatalError("skeleton") }
}
