import Transport

/// What the one statement of a request gave.
struct StatementRow: Sendable {
  var total: Int?
  var count: Int
  var body: [UInt8]
  var responseHeaders: String?
  var responseStatus: String?
  /// Pairs of a key column and `eq.value`, as JSON.
  var location: String?
}

/// Runs a request's statement in a transaction of its own.
struct Execution: Sendable {
  var settings: RequestSettings
  var statement: SQLText
  /// Asks the planner how many rows there are.
  var explained: SQLText?
  /// With more or fewer rows than one, all is rolled back.
  var needsOneRow = false
  /// A total up to here is exact, beyond it the planner's guess counts.
  var exactTotal: Int?

  /// A result that must not be committed.
  private struct NotOneRow: Error { var count: Int }

  func run(
    on service: RESTService, isAnonymous: Bool
  ) async throws(RequestError) -> StatementRow {
    try await Self.run(on: service, isAnonymous: isAnonymous) { connection in
      try transaction(connection)
    }
  }

  /// Runs `body` on a connection of the service's; serialization failures are tried again until the task is
  /// cancelled (`rse-40001`).
  static func run<Result: Sendable>(
    on service: RESTService, isAnonymous: Bool,
    _ body: @escaping @Sendable (PostgresConnection) throws -> Result
  ) async throws(RequestError) -> Result {
    while true {
      do {
        return try await service.pool.withConnection(
          waitAtMost: service.options.poolAcquisitionTimeout, body)
      } catch let error as PostgresError {
        if error.sqlstate == "40001", !Task.isCancelled { continue }
        if error.sqlstate == nil, error.message.hasPrefix("connection to server") {
          throw .unreachable(error.message)
        }
        throw error.isConnectionLost
          ? .connectionLost : RequestError(error, isAnonymous: isAnonymous)
      } catch let error as NotOneRow {
        throw notOneRow(error.count)
      } catch is PostgresPool.TimedOut {
        throw .poolTimedOut
      } catch {
        throw .connectionLost
      }
    }
  }

  static func notOneRow(_ count: Int) -> RequestError {
    var error = RequestError(
      406, "PGRST116", "JSON object requested, multiple (or no) rows returned",
      details: "The result contains \(count) rows")
    error.contentType = MediaType.object(isStripped: false).name
    return error
  }

  private func transaction(_ connection: PostgresConnection) throws -> StatementRow {
    try connection.run(script: settings.script)
    let result = try connection.execute(statement.text, statement.parameters)
    func text(_ name: String) -> String? {
      result.columnNames.firstIndex(of: name).flatMap { result.string(0, $0) }
    }
    let body = result.columnNames.firstIndex(of: "body").flatMap { result.bytes(0, $0) } ?? []
    var row = StatementRow(
      total: text("total").flatMap { Int($0) }, count: text("page_total").flatMap { Int($0) } ?? 0,
      body: body, responseHeaders: text("response_headers"),
      responseStatus: text("response_status"), location: text("location"))
    if needsOneRow && row.count != 1 { throw NotOneRow(count: row.count) }
    if let explained {
      let isGuessed = exactTotal.map { (row.total ?? 0) > $0 } ?? true
      if isGuessed {
        let plan = try connection.execute(explained.text, explained.parameters)
        row.total = max(
          Self.planRows(plan.string(0, 0) ?? ""), exactTotal == nil ? 0 : row.total ?? 0)
      }
    }
    try connection.run(script: "commit")
    return row
  }

  private static func planRows(_ plan: String) -> Int {
    guard let range = plan.firstRange(of: "\"Plan Rows\": ") else { return 0 }
    return Int(plan[range.upperBound...].prefix { $0.isNumber }) ?? 0
  }
}
