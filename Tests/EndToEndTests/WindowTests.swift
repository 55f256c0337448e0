import LocalSupabase
import Testing
import Transport

extension Faults {
  /// What passes ask for and carry over, counted on the wire.
  @Suite struct Windows {
    /// Counts what goes through a proxy to a project.
    final class Meter: HTTPTransport {
      struct Count: Sendable {
        var requests = 0
        /// Rows that came with all their columns.
        var wholeRows = 0
        /// Rows sent to be written.
        var writtenRows = 0
      }

      private let client = HTTPClient()
      private let counted = Locked(Count())

      var count: Count { counted.withLock { $0 } }
      func begin() { counted.withLock { $0 = Count() } }

      func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
        let answer = try await client.send(request)
        let isWhole = request.method == "GET" && request.url.contains("%22v%22")
        let range = isWhole ? answer.headers["content-range"] ?? "*/*" : "*/*"
        let ends = range.split(separator: "/")[0].split(separator: "-").compactMap { Int($0) }
        let isWrite = request.method == "POST" && !request.url.contains("/rpc/")
        let body = String(decoding: isWrite ? request.body ?? [] : [], as: UTF8.self)
        counted.withLock { count in
          count.requests += 1
          if ends.count == 2 { count.wholeRows += ends[1] - ends[0] + 1 }
          count.writtenRows += body.split(separator: "\"id\":").count - (body.isEmpty ? 0 : 1)
        }
        return answer
      }
    }

    private struct Wire {
      let source = Meter()
      let target = Meter()

      /// Both projects behind proxies whose round trips take this long.
      func run(
        _ stack: Stack, latency: Duration = .zero,
        _ body: (_ source: String, _ target: String) async throws -> Void
      ) async throws {
        let faults: FaultScript = { _, _ in latency == .zero ? .none : .latency(latency) }
        let proxies = [
          try FaultProxy.start(upstream: stack.source.url, transport: source, faults: faults),
          try FaultProxy.start(upstream: stack.target.url, transport: target, faults: faults),
        ]
        try await body(proxies[0].url, proxies[1].url)
        for proxy in proxies { await proxy.stop() }
      }

      func begin() {
        source.begin()
        target.begin()
      }
    }

    @Test func `a pass in which nothing is new asks once for each of 200 tables`() async throws {
      let stack = try await Stack.empty(.faults)
      let tables = (1...200).map { number in
        """
        create table t\(number) (id bigint primary key, v text, updated_at timestamptz not null default now());
        create index on t\(number) (updated_at, id);
        """
      }
      try await stack.both(tables.joined(separator: "\n"))
      // Not of whole milliseconds, as nearly all moments are.
      let inserts = (1...200).map { number in
        """
        insert into t\(number) select i, 'row ' || i, timestamptz '2026-01-01 00:00:00.000007Z' + i * interval '1 s'
        from generate_series(1, \(number == 1 ? 0 : 5 * number)) i;
        """
      }
      try await stack.source.script(inserts.joined(separator: "\n"))
      let wire = Wire()
      try await wire.run(stack, latency: .milliseconds(20)) { source, target in
        let mirror = try MirrorProgram(
          stack, tables: (1...200).map { MirrorProgram.table("t\($0)") }, source: source,
          target: target)
        try await mirror.migrate(stack)
        #expect(try await mirror.cron().exitCode == 0)
        wire.begin()
        let start = ContinuousClock.now
        let quiet = try await mirror.cron()
        let elapsed = ContinuousClock.now - start
        #expect(quiet.exitCode == 0, "\(quiet)")
        let requests = wire.source.count.requests + wire.target.count.requests
        print("200 tables, nothing new: \(requests) requests, \(elapsed) with 20 ms round trips")
        #expect(requests <= 200 + 14)
        #expect(wire.source.count.wholeRows == 0 && wire.target.count.writtenRows == 0)
        // Two seconds where nothing else runs; the number of requests is what makes it so.
        #expect(elapsed < .seconds(10))
        #expect(try await stack.differences("t200") == [])
      }
    }

    @Test(arguments: [true, false])
    func `of 20,000 rows the hundredth part that changed is carried over, and no more`(
      horizon: Bool
    ) async throws {
      let stack = try await Stack.empty(.faults)
      try await stack.both(
        """
        create table items (id uuid primary key default gen_random_uuid(), v text,
          updated_at timestamptz not null);
        create index on items (updated_at, id);
        """)
      let wire = Wire()
      try await wire.run(stack) { source, target in
        let mirror = try MirrorProgram(
          stack, tables: [MirrorProgram.table("items")], source: source, target: target)
        try await mirror.migrate(stack)
        if !horizon {
          try await stack.source.sql("drop function sync_horizon()")
          try await stack.source.awaitSchemaCache()
        }
        // All of one moment, so young that it is looked at again; never a whole millisecond.
        let moment = "date_trunc('milliseconds', clock_timestamp()) - interval '1 us'"
        try await stack.source.script(
          """
          insert into items (v, updated_at) select 'row ' || i, m
          from generate_series(1, 20000) i, (select \(moment) as m) as m;
          """)
        #expect(try await mirror.cron().exitCode == 0)
        #expect(try await stack.differences("items") == [])
        for round in 1...2 {
          try await stack.source.sql(
            """
            update items set v = 'round \(round)', updated_at = \(moment)
            where id in (select id from items order by v, id limit 200)
            """)
          wire.begin()
          let outcome = try await mirror.cron()
          #expect(outcome.exitCode == 0, "\(outcome)")
          #expect(try await stack.differences("items") == [])
          let (read, written) = (wire.source.count.wholeRows, wire.target.count.writtenRows)
          print("200 of 20,000 rows changed: \(read) rows read, \(written) written")
          #expect(read <= 210 && written == 200)
        }
      }
    }
  }
}
