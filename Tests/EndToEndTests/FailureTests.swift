import LocalSupabase
import Testing
import Transport

extension Faults {
  /// Faults between the mirror and the projects: each heals by itself or ends in one clear sentence; nothing is
  /// lost, nothing is deleted.
  @Suite struct Failures {
    struct Injection: Sendable, CustomStringConvertible {
      let description: String
      /// nil: no fault for this request.
      let fault: @Sendable (_ request: ServerRequest, _ number: Int) -> Fault?

      init(_ description: String, _ fault: @escaping @Sendable (ServerRequest, Int) -> Fault?) {
        self.description = description
        self.fault = fault
      }
    }

    private static func answer(_ status: Int, _ code: String, _ message: String) -> Fault {
      .status(
        status, headers: [],
        body: Array(
          "{\"code\":\"\(code)\",\"details\":null,\"hint\":null,\"message\":\"\(message)\"}".utf8),
        contentType: "application/json")
    }

    private static func isWrite(_ request: ServerRequest) -> Bool {
      request.method == "POST" && !String(decoding: request.target, as: UTF8.self).contains("/rpc/")
    }

    /// What a pass gets over by itself.
    static let passing: [Injection] = [
      Injection("every third connection is reset") { _, n in n % 3 == 0 ? .reset : nil },
      Injection("every third answer is lost after the work was done") { _, n in
        n % 3 == 0 ? .afterForwarding(.reset) : nil
      },
      Injection("every fourth answer is cut in its body") { _, n in
        n % 4 == 0 ? .cut(afterBodyBytes: 20) : nil
      },
      Injection("every third answer is 503 with Retry-After") { _, n in
        n % 3 == 0
          ? .status(
            503, headers: [HTTPHeader("Retry-After", "1")],
            body: Array(
              #"{"code":"PGRST000","details":null,"hint":null,"message":"no connection"}"#.utf8),
            contentType: "application/json") : nil
      },
      Injection("a gateway answers 502 with an HTML page now and then") { _, n in
        n % 5 == 0 ? .htmlErrorPage(502) : nil
      },
      Injection("429 now and then") { _, n in
        n % 5 == 0
          ? .status(
            429, headers: [HTTPHeader("Retry-After", "1")], body: [], contentType: "text/plain")
          : nil
      },
      Injection("bodies over 20 kB are refused with 413") { request, _ in
        request.body.count > 20_000
          ? .status(413, headers: [], body: [], contentType: "text/plain") : nil
      },
      Injection("writes over 20 kB run into the statement timeout") { request, _ in
        request.body.count > 20_000
          ? answer(500, "57014", "canceling statement due to statement timeout") : nil
      },
      Injection("a deadlock now and then") { request, n in
        n % 2 == 0 && isWrite(request) ? answer(500, "40P01", "deadlock detected") : nil
      },
      Injection("the schema cache is stale for a moment") { request, n in
        n < 6 && isWrite(request)
          ? .status(404, headers: [], body: Array("{}".utf8), contentType: "application/json") : nil
      },
    ]

    @Test(arguments: passing) func `a passing fault heals`(injection: Injection) async throws {
      try await withProxies { stack, source, target, mirror in
        for proxy in [source, target] {
          proxy.setFaults { injection.fault($0, $1) ?? .none }
        }
        let outcome = try await mirror.cron(settings: ["SYNC_RETRY_MS": "60000"])
        #expect(outcome.exitCode == 0, "\(outcome)")
        #expect(source.faultsDealt + target.faultsDealt > 0)
        #expect(try await stack.differences("items") == [])
      }
    }

    /// What ends a pass or a table, and the words it must say.
    struct End: Sendable, CustomStringConvertible {
      let description: String
      let exitCode: Int32
      let words: String
      let fault: @Sendable (ServerRequest, Int) -> Fault?

      init(
        _ description: String, _ exitCode: Int32, _ words: String,
        _ fault: @escaping @Sendable (ServerRequest, Int) -> Fault?
      ) {
        self.description = description
        self.exitCode = exitCode
        self.words = words
        self.fault = fault
      }
    }

    static let lasting: [End] = [
      End("nobody answers in time", 3, "") { request, _ in isWrite(request) ? .silence : nil },
      End("the server retries 40001 inside itself for ever", 3, "") { request, _ in
        isWrite(request) ? .silence : nil
      },
      End("only an HTML page", 3, "text/html") { _, _ in
        .status(
          200, headers: [], body: Array("<html><body>hello</body></html>".utf8),
          contentType: "text/html")
      },
      End("the key is refused", 3, "service_role") { _, _ in
        answer(401, "PGRST301", "JWSError JWSInvalidSignature")
      },
      End("a redirect", 3, "redirect") { _, _ in
        .status(
          301, headers: [HTTPHeader("Location", "http://127.0.0.1:1/")], body: [],
          contentType: "text/plain")
      },
      End("truncated JSON", 3, "") { request, _ in
        request.method == "GET"
          && String(decoding: request.target, as: UTF8.self).contains("items?")
          ? .status(
            200, headers: [HTTPHeader("Content-Range", "0-1/*")],
            body: Array(#"[{"id":1,"v":"x"#.utf8),
            contentType: "application/json; charset=utf-8") : nil
      },
      End("writing is not permitted", 1, "GRANT") { request, _ in
        isWrite(request) ? answer(403, "42501", "permission denied for table items") : nil
      },
      End("the database is read-only", 3, "read-only") { request, _ in
        isWrite(request)
          ? answer(405, "25006", "cannot execute INSERT in a read-only transaction") : nil
      },
      End("no unique key for the upsert", 1, "unique") { request, _ in
        isWrite(request)
          ? answer(
            400, "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification")
          : nil
      },
      End("the database has no connection", 3, "") { _, _ in
        answer(503, "PGRST000", "Database connection error. Retrying the connection.")
      },
    ]

    @Test(arguments: lasting) func `a lasting fault is told, and nothing is lost`(end: End)
      async throws
    {
      try await withProxies { stack, source, target, mirror in
        for proxy in [source, target] { proxy.setFaults { end.fault($0, $1) ?? .none } }
        let outcome = try await mirror.cron(
          settings: ["SYNC_RETRY_MS": "1500", "SYNC_REQUEST_TIMEOUT_MS": "1000"])
        #expect(outcome.exitCode == end.exitCode, "\(outcome)")
        #expect((outcome.output + outcome.log).contains(end.words), "\(outcome)")
        #expect(!(outcome.output + outcome.log).contains(stack.source.key), "the key is shown")
        #expect(!(outcome.output + outcome.log).contains("row 77"), "row data is shown")
        for proxy in [source, target] { proxy.clearFaults() }
        #expect(try await mirror.cron().exitCode == 0)
        #expect(try await stack.differences("items") == [])
      }
    }

    /// A source of 3,000 rows behind one proxy, a target behind another.
    private func withProxies(
      _ body: (Stack, FaultProxy, FaultProxy, MirrorProgram) async throws -> Void
    ) async throws {
      let stack = try await Stack.empty(.faults)
      try await stack.both(
        "create table items (id bigint primary key, v text, updated_at timestamptz not null default now());"
      )
      let client = HTTPClient()
      let source = try FaultProxy.start(upstream: stack.source.url, transport: client)
      let target = try FaultProxy.start(upstream: stack.target.url, transport: client)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("items")], source: source.url, target: target.url)
      try await mirror.migrate(stack)
      try await stack.source.sql(
        "insert into items select i, 'row ' || i || repeat('.', 100) from generate_series(1, 3000) i"
      )
      try await body(stack, source, target, mirror)
      await source.stop()
      await target.stop()
    }
  }
}
