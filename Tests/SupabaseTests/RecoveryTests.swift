import JSON
import Testing
import Transport

@testable import Supabase

/// Every recorded error, through the client to what is done about it.
struct RecoveryTests {
  /// The error that the client makes of a recorded answer, by the kind of request that was recorded.
  static func error(_ recorded: Transcript) async throws -> PostgRESTError {
    var limits = RequestLimits()
    limits.retryTime = .zero
    let client = client(ScriptedTransport([.answer(recorded.answer)]), limits: limits)
    let table = TableName(name: "t")
    let error = await #expect(throws: PostgRESTError.self) {
      switch recorded.method {
      case "POST" where recorded.path.hasPrefix("/rpc/"):
        _ = try await client.rpc("f", arguments: Array("{}".utf8))
      case "POST", "PATCH", "PUT":
        _ = try await client.upsert(
          Array("[{}]".utf8), into: table, keyColumns: ["id"], columns: ["id"])
      case "DELETE":
        _ = try await client.delete(
          [RowKey([JSONToken(int: 1)])], from: table, keyColumns: ["id"])
      default: _ = try await client.read(ReadQuery(table: table, columns: ["id"], limit: 1))
      }
    }
    return try #require(error)
  }

  static func label(_ recovery: Recovery) -> String {
    switch recovery {
    case .retry: "retry"
    case .shrink: "shrink"
    case .split: "split"
    case .afterParents: "after parents"
    case .awaitSchemaCache: "await cache"
    case .leaveOut(let column): "leave out \(column)"
    case .stopTable: "stop table"
    case .stopProject: "stop project"
    }
  }

  /// By case where one code means several things, else by code (or status, where the body has none) and kind of
  /// request, else by code.
  static let expected: [(String, [String])] = [
    (
      "retry",
      [
        "08006", "40P01", "53400", "55P03", "57P01", "PGRST000", "PGRST001", "PGRST002",
        "PGRST003", "PT429", "PT503", "none 500 read", "none 503 read",
      ]
    ),
    ("shrink", ["57014"]),
    (
      "split",
      [
        "21000", "22003", "22007", "22012", "22021", "22023", "22P02", "22P05", "23502", "23505",
        "23514", "23P01", "54000", "09000", "F0000", "HV000", "P0001", "P0002", "XX000", "Z0001",
        "PT400", "PT401", "PT404", "PT409", "PT422", "PT500", "PT999", "PTABC", "PGRST102",
      ]
    ),
    ("after parents", ["23503"]),
    ("await cache", ["PGRST202", "PGRST204", "none 404 write"]),
    (
      "leave out total",
      ["ins-generated-value", "ins-generated-missing-default", "pat-generated"]
    ),
    (
      "stop table",
      [
        "ins-ident-always-value", "ins-ident-always-null", "42501 403", "42601", "42703", "42704",
        "42804 read", "42809", "42846", "42883", "42P01", "42P10", "0A000", "3F000", "55000",
        "PGRST100", "PGRST101", "PGRST103", "PGRST105", "PGRST106", "PGRST107", "PGRST108",
        "PGRST109", "PGRST112", "PGRST113", "PGRST115", "PGRST116", "PGRST117", "PGRST122",
        "PGRST123", "PGRST124", "PGRST200", "none 404 read",
      ]
    ),
    (
      "stop project",
      [
        "auth-role-missing-db", "auth-role-number", "auth-role-null", "auth-role-empty",
        "auth-role-not-granted", "auth-role-superuser", "42501 401", "25006", "PGRST301",
        "PGRST302", "none 400 read", "none 401 read", "none 405 read", "none 406 read",
        "none 416 read",
      ]
    ),
  ]

  static let expectation = Dictionary(
    uniqueKeysWithValues: expected.flatMap { label, keys in keys.map { ($0, label) } })

  @Test(arguments: Transcript.all.filter { $0.answer.status >= 400 })
  func `every recorded error has a recovery that was chosen for it`(recorded: Transcript)
    async throws
  {
    let error = try await Self.error(recorded)
    guard case .server(let status, let code) = error.kind else {
      Issue.record("\(error.kind)")
      return
    }
    let kind = error.isWrite ? "write" : "read"
    let keys =
      code.map { [recorded.id, "\($0) \(kind)", "\($0) \(status)", $0] }
      ?? ["none \(status) \(kind)"]
    let expected = keys.lazy.compactMap { Self.expectation[$0] }.first
    #expect(Self.label(Recovery(for: error)) == expected, "\(keys): \(error)")
  }

  @Test(arguments: Transcript.all.filter { $0.answer.status >= 400 })
  func `no error repeats details, hints or values`(recorded: Transcript) async throws {
    let error = try await Self.error(recorded)
    let body = try? JSONNode(parsing: recorded.answer.body)
    var told = ""
    dump(error, to: &told)
    dump(Recovery(for: error), to: &told)
    for secret in [body?["details"]?.string, body?["hint"]?.string].compactMap({ $0 }) {
      #expect(!told.contains(secret))
    }
    // What the recorded requests held as values.
    let values = [
      "notadate", "abc", "angry", "{name:y}", "NaN}", "(99)", "gzip", "message of 23", "ghost",
    ]
    #expect(values.allSatisfy { !error.message.contains($0) }, "\(error)")
  }

  @Test(arguments: [
    ("428C9", "cannot insert a non-DEFAULT value into column \"total\"", "total"),
    ("23502", "null value in column \"a\" of relation \"t\" violates not-null constraint", "a"),
    ("23502", "null value in column \"a\" violates not-null constraint", "a"),
    ("23505", "duplicate key value violates unique constraint \"c\"", "c"),
    (
      "23503",
      "update or delete on table \"t\" violates foreign key constraint \"c\" on table \"d\"", "c"
    ),
    ("23503", "insert or update on table \"t\" violates foreign key constraint \"c\"", "c"),
    ("23514", "value for domain positive violates check constraint \"c\"", "c"),
    ("42P01", "relation \"public.t\" does not exist", "public.t"),
    ("42703", "column t.c does not exist", "t.c"),
    ("42501", "permission denied for table t", "t"),
    ("PGRST204", "Could not find the 'c' column of 't' in the schema cache", "c"),
    ("PGRST204", "Column 'c' of relation 't' does not exist", "c"),
    ("23505", "the number 4111 1111 is taken", nil),
    ("23514", "value 17 of Ann", nil),
    ("22P02", "invalid input syntax for type integer: \"x\"", nil),
    ("P0001", "duplicate key value violates unique constraint \"c\"", nil),
  ])
  func `the name that an error is about is read from PostgreSQL's own sentences`(
    code: String, message: String, subject: String?
  ) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("code")
    writer.string(code)
    writer.name("message")
    writer.string(message)
    writer.endObject()
    let read = ServerMessage(json(400, writer.text))
    #expect(read.subject == subject)
    #expect(read.code == code)
    #expect(read.sentence.contains(message) == (subject != nil))
  }

  static func error(
    _ kind: PostgRESTError.Kind, isWrite: Bool = false, table: String? = "t",
    finding: PostgRESTError.Finding? = nil
  ) -> PostgRESTError {
    PostgRESTError(
      kind: kind, project: "target", table: table.map { TableName(name: $0) }, message: "",
      isWrite: isWrite, finding: finding)
  }

  static let others: [(PostgRESTError, String)] = [
    (error(.transport(.badURL)), "stop project"), (error(.transport(.tls)), "stop project"),
    (error(.transport(.answerTooLarge)), "shrink"), (error(.transport(.timedOut)), "retry"),
    (error(.transport(.timedOut), isWrite: true), "shrink"),
    (error(.transport(.interrupted), isWrite: true), "retry"),
    (error(.transport(.cannotConnect)), "retry"), (error(.transport(.nameNotResolved)), "retry"),
    (error(.unreadable), "stop project"), (error(.unwritable), "split"),
    (error(.server(status: 301, code: nil)), "stop project"),
    (error(.server(status: 307, code: nil), isWrite: true), "stop project"),
    (error(.server(status: 540, code: nil)), "stop project"),
    (error(.server(status: 413, code: nil), isWrite: true), "shrink"),
    (error(.server(status: 414, code: nil)), "shrink"),
    (error(.server(status: 429, code: nil)), "retry"),
    (error(.server(status: 502, code: nil), isWrite: true), "retry"),
    (error(.server(status: 504, code: nil)), "retry"),
    (error(.server(status: 504, code: nil), isWrite: true), "shrink"),
    (error(.server(status: 504, code: "PGRST003"), isWrite: true), "retry"),
    (error(.server(status: 524, code: nil), isWrite: true), "shrink"),
    (error(.server(status: 521, code: nil), isWrite: true), "retry"),
    (error(.server(status: 400, code: nil)), "stop project"),
    (error(.server(status: 403, code: nil)), "stop project"),
    (error(.server(status: 403, code: nil), isWrite: true), "split"),
    (
      error(.server(status: 404, code: nil), isWrite: true, finding: .foreignAnswer), "stop project"
    ),
    (error(.server(status: 404, code: nil), table: nil), "stop project"),
    (error(.server(status: 400, code: "42804"), isWrite: true), "await cache"),
    (error(.server(status: 404, code: "PGRST205")), "await cache"),
    (error(.server(status: 500, code: "54001")), "shrink"),
    (error(.server(status: 503, code: "53100"), isWrite: true), "retry"),
    (error(.server(status: 500, code: "XX000")), "retry"),
    (error(.server(status: 401, code: "PGRST303")), "stop project"),
  ]

  @Test(arguments: others)
  func `what gateways and transport say has a recovery as well`(
    error: PostgRESTError, label: String
  ) {
    #expect(Self.label(Recovery(for: error)) == label)
  }

  @Test func `advice names the table as SQL would`() {
    let error = PostgRESTError(
      kind: .server(status: 400, code: "428C9"), project: "target",
      table: TableName(schema: "Odd", name: "a\"b"), message: "", subject: "id",
      finding: .identityColumn)
    #expect(
      Recovery(for: error)
        == .stopTable(
          advice: "on the target run: ALTER TABLE \"Odd\".\"a\"\"b\" ALTER COLUMN id "
            + "SET GENERATED BY DEFAULT"))
  }
}
