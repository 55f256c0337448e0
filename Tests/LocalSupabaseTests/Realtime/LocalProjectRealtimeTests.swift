import LocalSupabase
import Testing
import Transport

/// Realtime as part of a whole project.
@Suite struct LocalProjectRealtimeTests {
  private func withProject(
    _ realtime: RealtimeOptions?, _ body: (LocalProject) async throws -> Void
  ) async throws {
    var options = LocalProjectOptions()
    options.realtime = realtime
    let project = try await LocalProject.start(options)
    do {
      try await project.sql(
        """
        create table public.todos (id bigint primary key);
        alter publication supabase_realtime add table public.todos;
        """)
      try await body(project)
    } catch {
      await project.stop()
      throw error
    }
    await project.stop()
  }

  private func socket(_ project: LocalProject) async throws -> RawWebSocket {
    try await RawWebSocket.connect(
      port: Int(project.url.split(separator: ":").last ?? "") ?? 0,
      path: "/realtime/v1/websocket?apikey=\(project.serviceKey)&vsn=2.0.0")
  }

  private func subscriber(_ project: LocalProject) async throws -> RawWebSocket {
    let socket = try await socket(project)
    await socket.send(
      #"["1","1","realtime:todos","phx_join",{"config":{"postgres_changes":"#
        + #"[{"event":"*","schema":"public","table":"todos"}]}}]"#)
    #expect(await socket.event() == "phx_reply")
    #expect(await socket.event() == "system")
    // The first to join is not told when the slot is there.
    while try await slots(project) == 0 { await Task.yield() }
    return socket
  }

  /// Whether a slot is there, which is made when somebody subscribes.
  private func slots(_ project: LocalProject) async throws -> Int {
    try await project.sql("select 1 from pg_replication_slots where confirmed_flush_lsn > '0/0'")
      .count
  }

  @Test func `changes come through the project's own URL, and nothing is polled before`()
    async throws
  {
    try await withProject(.quick) { project in
      let quiet = try await socket(project)
      await quiet.send(#"["1","1","realtime:x","phx_join",{"config":{}}]"#)
      #expect(await quiet.event() == "phx_reply")
      #expect(try await slots(project) == 0)
      let socket = try await subscriber(project)
      try await project.sql("insert into todos values (9007199254740993)")
      guard case .text(let text) = await socket.receive(within: .seconds(20)) else {
        Issue.record("no change came")
        return
      }
      #expect(text.contains("9007199254740993"))
      #expect(try await slots(project) == 1)
      let realtime = try #require(project.realtime)
      await realtime.stop()
      #expect(await socket.receive() == .close(1012))
      // The slot goes with the session that made it, which ends by itself.
      while try await slots(project) > 0 { await Task.yield() }
      await #expect(throws: RawWebSocket.Refusal.self) { try await subscriber(project) }
      #expect(try await project.sql("select count(*) from todos") == [["1"]])
      realtime.start()
      let again = try await subscriber(project)
      await project.stopServer()
      #expect(await again.receive(within: .seconds(20)) == .close(1012))
    }
  }

  @Test func `a restart of the database is not told to the channels, and changes come again`()
    async throws
  {
    try await withProject(.quick) { project in
      let socket = try await subscriber(project)
      try await project.sql("insert into todos values (1)")
      #expect(await socket.event() == "postgres_changes")
      try await project.restartDatabase()
      await socket.send(#"[null,"2","phoenix","heartbeat",{}]"#)
      #expect(await socket.event() == "phx_reply")
      // What is committed before the new slot is there never comes; so rows are written until one does.
      let writing = Task {
        var id = 2
        while !Task.isCancelled {
          try await project.sql("insert into todos values (\(id))")
          id += 1
        }
        return id
      }
      #expect(await socket.event() == "postgres_changes")
      writing.cancel()
      let written = try? await writing.value
      #expect(written != 2)
    }
  }

  @Test func `a project without Realtime has no route to it`() async throws {
    try await withProject(nil) { project in
      #expect(project.realtime == nil)
      await #expect {
        try await socket(project)
      } throws: { ($0 as? RawWebSocket.Refusal)?.status == 404 }
    }
  }
}
