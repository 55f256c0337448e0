import LocalSupabase
import Testing

@Suite struct PostgresConnectionTests {
  @Test func `text, bytes, json and null go in and come out as they are`() async throws {
    let cluster = try await TestCluster.shared()
    let connection = try PostgresConnection(cluster.dsn())
    let result = try connection.execute(
      "select $1::text as one, $2::bytea as two, $3 as three, $4::text as four, $5 as five",
      [
        "żółć 'x' \\", .bytes(Array("\\x00ff".utf8)), .json(Array(#"{"a": 1}"#.utf8)), nil,
        .json(Array("[]".utf8)),
      ])
    #expect(result.rowCount == 1)
    #expect(result.columnNames == ["one", "two", "three", "four", "five"])
    #expect(result.rows == [["żółć 'x' \\", "\\x00ff", #"{"a": 1}"#, nil, "[]"]])
    #expect(result.bytes(0, 3) == nil)
    #expect(result.bytes(0, 4) == Array("[]".utf8))
    #expect(result.byteCount(0, 0) == 14)
    #expect(result.typeOID(2) == 114)
  }

  @Test func `an error carries what the server said`() async throws {
    let connection = try PostgresConnection(try await TestCluster.shared().dsn())
    let error = #expect(throws: PostgresError.self) {
      try connection.run(
        script: """
          do $$ begin raise exception using errcode = 'PT422', message = 'no',
          detail = 'because', hint = 'try'; end $$
          """)
    }
    #expect(
      error
        == PostgresError(
          sqlstate: "PT422", severity: "ERROR", message: "no", detail: "because", hint: "try"))
    #expect(try connection.execute("select 1").rows == [["1"]])
  }

  @Test func `an empty or broken json parameter is the server's error, not a null`() async throws {
    let connection = try PostgresConnection(try await TestCluster.shared().dsn())
    for body in ["", "{", "\u{0}"] {
      #expect(throws: PostgresError.self) {
        try connection.execute("select $1::json", [.json(Array(body.utf8))])
      }
    }
  }

  @Test func `affected rows are counted and scripts run as one`() async throws {
    let connection = try PostgresConnection(try await TestCluster.shared().dsn())
    try connection.run(
      script: "create temp table t (a int); insert into t select generate_series(1, 7)")
    #expect(try connection.execute("update t set a = a + 1 where a > 4").affectedRows == 3)
    #expect(throws: PostgresError.self) {
      try connection.run(script: "delete from t; select 1/0")
    }
    #expect(try connection.execute("select count(*) from t").rows == [["7"]])
    #expect(try connection.run(script: "").rowCount == 0)
  }

  @Test func `a large body arrives whole`() async throws {
    let connection = try PostgresConnection(try await TestCluster.shared().dsn())
    let body = Array("\"".utf8) + [UInt8](repeating: 0x61, count: 8 << 20) + Array("\"".utf8)
    let result = try connection.execute("select length($1::text)", [.json(body)])
    #expect(result.rows == [["\(body.count)"]])
  }

  @Test func `a connection that the server ends is known to be lost`() async throws {
    let cluster = try await TestCluster.shared()
    let connection = try PostgresConnection(cluster.dsn())
    #expect(!connection.isLost)
    let error = #expect(throws: PostgresError.self) {
      try connection.execute("select pg_terminate_backend(pg_backend_pid())")
    }
    #expect(error?.sqlstate == nil)
    #expect(error?.isConnectionLost == true)
    #expect(connection.isLost)
    let second = #expect(throws: PostgresError.self) { try connection.execute("select 1") }
    #expect(second?.sqlstate == nil)
    #expect(second?.isConnectionLost == true)
    #expect(second?.message == "no connection to the server\n")
  }

  @Test func `a server that is not there is an error with libpq's words`() {
    let error = #expect(throws: PostgresError.self) {
      try PostgresConnection("host=127.0.0.1 port=1 user=postgres")
    }
    #expect(error?.sqlstate == nil)
    #expect(error?.isConnectionLost == true)
    #expect(error?.message.contains("Connection refused") == true)
  }

  @Test func `notifications are waited for`() async throws {
    let cluster = try await TestCluster.shared()
    let listener = try PostgresConnection(cluster.dsn())
    try listener.run(script: "listen words")
    #expect(try listener.notification(waitAtMost: .zero) == nil)
    try PostgresConnection(cluster.dsn()).run(script: "notify words, 'reload schema'")
    #expect(
      try listener.notification(waitAtMost: .seconds(10))
        == PostgresNotification(channel: "words", payload: "reload schema"))
  }

  @Test(arguments: ["plain", "it's", #"back\slash"#, #"both ' and \ "#, ""])
  func `a quoted literal reads back as it was`(text: String) async throws {
    let connection = try PostgresConnection(try await TestCluster.shared().dsn())
    let sql = "select " + PostgresConnection.literal(text)
    #expect(try connection.run(script: sql).rows == [[text]])
  }
}
