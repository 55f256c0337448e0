package import JSON
package import Transport

/// How long the client tries, and how large it lets requests and answers become.
package struct RequestLimits: Sendable {
  /// One request, from start to the last byte. PostgREST retries SQLSTATE 40001 inside the server for ever, so this is the only end.
  package var requestTime: Duration = .seconds(60)
  /// All tries of one request, waits between them included; a try that began in time is let finish.
  package var retryTime: Duration = .seconds(120)
  package var maximumAnswerBytes = 64 << 20
  /// Of one URL, so that gateways accept it. Lists of keys are split to stay below it.
  package var maximumURLBytes = 8_000

  package init() {}
}

/// A page of rows and when the server answered.
package struct Page: Sendable {
  package let rows: JSONRows
  /// The answer's `Date` header, seconds since 1970.
  package let serverDate: Int?
  /// Rows that the query's filters match, whatever its limit and the server's cap; nil where they were not counted.
  package let total: Int?

  package init(rows: JSONRows, serverDate: Int?, total: Int? = nil) {
    self.rows = rows
    self.serverDate = serverDate
    self.total = total
  }

  /// Every row that the query matches is here, at one moment. A page that was not counted never says so.
  package var isComplete: Bool { rows.count == total }
}

/// One project's PostgREST. Every request is idempotent; what may be retried is retried here, with backoff,
/// until `RequestLimits.retryTime`; then the error is thrown. May be used concurrently.
///
/// Facts about the server are cited by the id of the case in `Tests/Transcripts/postgrest` that shows them.
package struct PostgREST: Sendable {
  package let project: Project
  let origin: String
  let transport: any HTTPTransport
  let limits: RequestLimits
  let clock: any Clock<Duration>
  let random: @Sendable () -> Double

  /// - Parameters:
  ///   - origin: the mirror's name, sent with every request as `x-supamirror-origin`.
  ///   - random: from 0 to 1, for the jitter of waits.
  package init(
    project: Project, origin: String, transport: any HTTPTransport,
    limits: RequestLimits = RequestLimits(),
    clock: any Clock<Duration> = ContinuousClock(),
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.project = project
    self.origin = origin
    self.transport = transport
    self.limits = limits
    self.clock = clock
    self.random = random
  }

  /// The OpenAPI document of one schema.
  package func catalogue(of schema: String) async throws(PostgRESTError) -> Catalogue {
    var call = Call("GET", path: "/", schema: schema)
    call.accept = "application/openapi+json"
    return try await perform(call) { answer throws(PostgRESTError) in
      try expect(
        answer, of: call, statuses: [200],
        mediaTypes: ["application/openapi+json", "application/json"])
      guard let document = OpenAPI(answer.body, schema: schema) else {
        throw failure(of: call, .unreadable, "its description of the schema cannot be read")
      }
      return document.catalogue
    }
  }

  /// The schemas that the project serves, in its order: what it says to a request for one that nobody has. nil: it
  /// does not say. A name with a comma and a blank in it comes in two parts.
  package func exposedSchemas() async throws(PostgRESTError) -> [String]? {
    do throws(PostgRESTError) {
      _ = try await catalogue(of: "no_such_schema")
      return nil
    } catch {
      guard error.isUnknownSchema else { throw error }
      return error.subject.map { list in
        list.split(separator: ",").map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
      }
    }
  }

  /// Calls a function by POST with a JSON object of arguments.
  /// - Returns: the answer's body; empty for a void function.
  package func rpc(
    _ function: String, schema: String = "public", arguments: [UInt8]
  ) async throws(PostgRESTError) -> [UInt8] {
    var call = Call(
      "POST", path: "/rpc/" + percentEncoded(function, leaving: ""), schema: schema)
    call.body = arguments
    return try await perform(call) { answer throws(PostgRESTError) in
      if answer.body.isEmpty { return [] }
      try expect(answer, of: call, statuses: Array(200..<300))
      return answer.body
    }
  }

  /// Refuses answers that are not what was asked for, whatever their status says: a captive portal's page, a
  /// dashboard, a half body.
  func expect(
    _ answer: HTTPAnswer, of call: Call, statuses: [Int],
    mediaTypes: [String] = ["application/json"]
  ) throws(PostgRESTError) {
    guard let type = answer.mediaType, mediaTypes.contains(type) else {
      let type = answer.mediaType.map { String($0.prefix(60)) } ?? "nothing"
      throw failure(
        of: call, .unreadable,
        "answered with \(type) instead of JSON; is the URL a Supabase project?")
    }
    guard statuses.contains(answer.status) else {
      throw failure(of: call, .unreadable, "answered with the unexpected status \(answer.status)")
    }
  }

  /// The rows of an answer.
  func rows(in answer: HTTPAnswer, of call: Call) throws(PostgRESTError) -> JSONRows {
    do {
      return try JSONRows(answer.body)
    } catch {
      throw failure(of: call, .unreadable, "answered with rows that cannot be read: \(error)")
    }
  }

  /// Where a request cannot be written, the error names the table.
  func written<Result>(
    _ call: Call, _ write: () throws(Unwritable) -> Result
  ) throws(PostgRESTError) -> Result {
    do {
      return try write()
    } catch {
      throw failure(of: call, .unwritable, "the request was not sent: \(error.reason)")
    }
  }
}
