import JSON
import LocalSupabase
import Testing
import Transport

/// Plays recorded sessions against a running project: sends what the client sent, runs the SQL, and wants the frames
/// that the server sent, each topic's in their order.
actor RealtimeReplay {
  private struct Connection {
    let socket: RawWebSocket
    var comparison = RealtimeComparison()
    /// What came and was not asked for yet, by topic.
    var frames: [String: [String]] = [:]
    var end: RawWebSocket.Frame?
  }

  private let project: LocalProject
  private let database: PostgresPool
  private var connections: [String: Connection] = [:]
  private var refused: [String: RawWebSocket.Refusal] = [:]
  private var sentinel: RawWebSocket?
  private var markers = 0
  private var hasUnsettledSQL = false
  private var differences: [String] = []
  /// Seconds since 1970 that the tokens' times count from: so that the first of the short-lived ones expires soon.
  private var base: Int64 = 0

  init(_ project: LocalProject) {
    self.project = project
    database = PostgresPool(dsn: project.dsn, size: 1)
  }

  /// Makes the recorded schema, and the marker that shows that everything before it has come.
  func prepare() async throws {
    let bytes = try #require(try DurableFile(RecordedSession.path("schema.sql")).read())
    try await sql(String(decoding: bytes, as: UTF8.self))
    try await sql(
      """
      create table other.replay_marker (id bigint primary key);
      grant select on other.replay_marker to service_role;
      alter publication supabase_realtime add table other.replay_marker;
      """)
  }

  /// A socket that sees the marker.
  private func marked() async throws -> RawWebSocket {
    if let sentinel { return sentinel }
    let key = JSONWebToken.key(role: "service_role", secret: RecordedSession.secret)
    let socket = try await RawWebSocket.connect(
      port: port, path: "/realtime/v1/websocket?apikey=\(key)&vsn=2.0.0")
    await socket.send(
      #"["1","1","realtime:marker","phx_join",{"config":{"postgres_changes":"#
        + #"[{"event":"INSERT","schema":"other","table":"replay_marker"}]}}]"#)
    #expect(await socket.event() == "phx_reply")
    #expect(await socket.event() == "system")
    sentinel = socket
    return socket
  }

  func end() async { await database.close() }

  /// What differs; nothing should.
  func play(_ recording: RecordedSession) async throws -> [String] {
    differences = []
    connections = [:]
    refused = [:]
    if let statement = Self.arrangements[recording.name] { try await sql(statement) }
    try await empty()
    base = WallClock.system.now() / 1_000_000 - 3
    var last: Int64 = 0
    for (index, event) in recording.events.enumerated() {
      // Where the recorded session waited, all that came of the statements before has come.
      if hasUnsettledSQL, event.time - last > 600_000 || !event.kind.isOfServer {
        try await settle()
      }
      last = event.time
      try await play(event.kind, followedBy: recording.events[(index + 1)...])
    }
    try await settle()
    for (name, connection) in connections {
      for frame in connection.frames.values.flatMap(\.self) {
        differences.append("\(name) also got \(frame)")
      }
    }
    for connection in connections.values { await connection.socket.close(1000) }
    return differences
  }

  /// What was done before a session was recorded.
  private static let arrangements = [
    "publication_row_filter": "alter publication supabase_realtime drop table public.t_trunc"
  ]

  private func play(
    _ kind: RecordedSession.Kind, followedBy rest: ArraySlice<RecordedSession.Event>
  ) async throws {
    switch kind {
    case .connect(let name, let path, let headers):
      let outer = path.replacing("/socket/", with: "/realtime/v1/")
      do {
        let socket = try await RawWebSocket.connect(
          port: port, path: RecordedSession.filled(outer, base: base),
          headers: headers.fields.map { ($0.name, RecordedSession.filled($0.value, base: base)) })
        connections[name] = Connection(socket: socket)
      } catch let refusal as RawWebSocket.Refusal {
        refused[name] = refusal
      }
    case .connected(let name):
      if connections[name] == nil { differences.append("\(name) was refused: \(refused)") }
    case .rejected(let name, let status, let body):
      // A project here is one tenant, whatever the host.
      if status != 404, refused[name] != RawWebSocket.Refusal(status: status, body: body) {
        differences.append("\(name) got \(refused[name].map { "\($0)" } ?? "a socket")")
      }
    case .fromClient(let name, let text):
      await connections[name]?.socket.send(RecordedSession.filled(text, base: base))
    case .fromServer(let name, let text):
      await expect(RecordedSession.filled(text, base: base), name)
    case .clientClose(let name): await connections[name]?.socket.close(1000)
    case .closed(let name, let code): await expectEnd(code, name)
    case .sql(let statement):
      let isRefused = rest.lazy.compactMap(\.kind.isRefusalOfSQL).first ?? false
      do {
        try await sql(RecordedSession.filled(statement, base: base))
        if isRefused { differences.append("no error of \(statement)") }
      } catch {
        if !isRefused { differences.append("\(statement): \(error)") }
      }
      hasUnsettledSQL = true
    case .note(let text):
      if text.hasPrefix("client sends ping") { await connections["A"]?.socket.ping() }
      if text.hasPrefix("management API") {
        project.realtime?.disconnectAll()
        sentinel = nil
      }
    case .otherFrame, .sqlDone, .sqlError, .commit, .sendFailed: break
    }
  }

  private func expect(_ text: String, _ name: String) async {
    guard let topic = Self.topic(of: text) else { return differences.append("no message: \(text)") }
    while connections[name]?.frames[topic, default: []].isEmpty == true {
      if await !read(name) { return differences.append("\(name) did not get \(text)") }
    }
    guard let here = connections[name]?.frames[topic]?.removeFirst() else { return }
    if let difference = connections[name]?.comparison.difference(recorded: text, here: here) {
      differences.append("\(name): \(difference)")
    }
  }

  private func expectEnd(_ code: Int?, _ name: String) async {
    while connections[name]?.end == nil, await read(name) {}
    if connections[name]?.end != .close(code) {
      differences.append(
        "\(name) ended with \(connections[name]?.end.map { "\($0)" } ?? "nothing")")
    }
  }

  /// Takes in one frame; false at the end.
  private func read(_ name: String) async -> Bool {
    guard let socket = connections[name]?.socket, connections[name]?.end == nil else {
      return false
    }
    switch await socket.receive(within: .seconds(10)) {
    case .text(let text):
      // Wildcards see the marker too.
      if text.contains("replay_marker") { return true }
      connections[name]?.frames[Self.topic(of: text) ?? "", default: []].append(text)
    case .pong: break
    case let end:
      connections[name]?.end = end
      return false
    }
    return true
  }

  /// Returns when all that came of the statements before is read. A marker may fall into a gap where there is no slot,
  /// which a value that cannot be converted makes too; so another one follows until one comes.
  private func settle() async throws {
    hasUnsettledSQL = false
    let first = markers + 1
    let marked = try await marked()
    let marking = Task {
      while !Task.isCancelled {
        markers += 1
        try await sql("insert into other.replay_marker values (\(markers))")
        try? await Task.sleep(for: .seconds(1))
      }
    }
    var id = 0
    while id < first {
      guard case .text(let text) = await marked.receive(within: .seconds(20)) else { break }
      let node = try JSONNode(parsing: Array(text.utf8))
      id = node.array?.last?["data"]?["record"]?["id"]?.int ?? 0
    }
    marking.cancel()
    _ = try? await marking.value
    if id < first {
      sentinel = nil
      differences.append("the marker did not come")
    }
    for name in connections.keys where connections[name]?.end == nil { await settle(name) }
  }

  /// The answer to a heartbeat comes behind every change that was delivered before.
  private func settle(_ name: String) async {
    let ref = "settle-\(markers)"
    // Only one of the two is a message for the serializer.
    await connections[name]?.socket.send(#"[null,"\#(ref)","phoenix","heartbeat",{}]"#)
    await connections[name]?.socket.send(
      #"{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"\#(ref)"}"#)
    while await read(name) {
      guard let last = connections[name]?.frames["phoenix"]?.last, last.contains(ref) else {
        continue
      }
      connections[name]?.frames["phoenix"]?.removeLast()
      return
    }
  }

  private static func topic(of text: String) -> String? {
    guard let node = try? JSONNode(parsing: Array(text.utf8)) else { return nil }
    return (node["topic"] ?? node.array.flatMap { $0.count > 2 ? $0[2] : nil })?.string
  }

  private var port: Int { Int(project.url.split(separator: ":").last ?? "") ?? 0 }

  private func sql(_ script: String) async throws {
    try await database.withConnection(waitAtMost: .seconds(30)) { _ = try $0.run(script: script) }
  }

  /// As each recorded session began.
  private func empty() async throws {
    try await sql(
      """
      do $$ declare names text; begin
        select string_agg(format('%I.%I', schemaname, tablename), ', ') into names
          from pg_tables where schemaname in ('public', 'other') and tablename <> 'replay_marker';
        execute 'truncate ' || names || ' restart identity cascade';
      end $$
      """)
    try await settle()
  }
}

extension RecordedSession.Kind {
  /// What the server did, or what only tells of something else.
  fileprivate var isOfServer: Bool {
    switch self {
    case .fromServer, .connected, .rejected, .closed, .sqlDone, .sqlError, .sql, .commit: true
    default: false
    }
  }

  /// What became of a statement.
  fileprivate var isRefusalOfSQL: Bool? {
    switch self {
    case .sqlDone: false
    case .sqlError: true
    default: nil
    }
  }
}
