import JSON
import Testing
import Transport

@testable import LocalSupabase

/// The recorded sessions of sockets and channels, played against the decisions alone, in the time that they took.
@Suite struct RealtimeDecisionTests {
  @Test(arguments: [
    "connect_errors", "join_tokens", "duplicate_join", "errors_v2", "server_requested_disconnect",
    "token_expiry", "no_heartbeat", "odd_messages", "join_bad_params", "cold_join_v1",
    "full_session_v2", "old_style_topic", "limit_channels", "limit_joins", "server_stop_term",
    "socket_without_channel", "two_channels", "warm_join_v1", "wildcards", "filters",
    "zombie_after_retries", "python_client_session", "rls", "privileges",
  ])
  func `what the server decided is decided`(_ name: String) throws {
    var play = try RealtimePlay(RecordedSession(name))
    for difference in play.run() { Issue.record("\(name): \(difference)") }
  }
}

/// Plays one recording: what came from the database is handed in as recorded, everything else must come out.
private struct RealtimePlay {
  private struct Connection {
    var socket: RealtimeSocket
    var frames: [[UInt8]] = []
    var closeCode: Int?
    /// Topics and the numbers of their channels.
    var channels: [String: Int] = [:]
    var comparison = RealtimeComparison()
    /// Recorded ids to those of the reply.
    var ids: [Int: Int] = [:]
  }

  private let recording: RecordedSession
  private let options: RealtimeOptions
  private var tenant = RealtimeTenant()
  private var connections: [String: Connection] = [:]
  private var refusals: [String: (status: Int, body: String, at: Int64)] = [:]
  private var differences: [String] = []
  /// What a second's fraction of tokens can make out.
  private static let slack: Int64 = 1_100_000
  private static let base: Int64 = 1_790_000_000

  init(_ recording: RecordedSession) {
    self.recording = recording
    var options = RealtimeOptions()
    options.jwtSecret = RecordedSession.secret
    options.maxChannelsPerClient = recording.name == "limit_channels" ? 3 : 100
    options.maxJoinsPerSecond = recording.name == "limit_joins" ? 2 : 10_000
    self.options = options
  }

  mutating func run() -> [String] {
    for event in recording.events {
      let now = Self.base * 1_000_000 + event.time
      switch event.kind {
      case .connect(let name, let path, let headers): connect(name, path, headers, now)
      case .connected(let name):
        if connections[name] == nil { differences.append("\(name) was not accepted") }
      case .rejected(let name, let status, let body): rejected(name, status, body, now)
      case .fromClient(let name, let text):
        let filled = RecordedSession.filled(text, base: Self.base)
        feed(.text(Array(filled.utf8)), name, now)
        learnChannels(of: text, name)
      case .otherFrame(let name): feed(.binary, name, now)
      case .fromServer(let name, let text): expect(text, name, now)
      case .closed(let name, let code): closed(name, code, now)
      case .clientClose(let name):
        if let left = connections[name]?.frames, !left.isEmpty {
          differences.append("\(name) also got \(left.map { String(decoding: $0, as: UTF8.self) })")
        }
      case .note(let text):
        if text.hasPrefix("SIGTERM") { for name in connections.keys { feed(.stop, name, now) } }
        if text.contains("reload tenant") {
          for name in connections.keys { feed(.disconnect, name, now) }
        }
      case .sql, .sqlDone, .sqlError, .commit, .sendFailed: break
      }
    }
    return differences
  }

  private mutating func connect(
    _ name: String, _ path: String, _ headers: HTTPHeaders, _ now: Int64
  ) {
    func fill(_ text: String) -> String { RecordedSession.filled(text, base: Self.base) }
    let request = ServerRequest(
      method: "GET", target: Array(fill(path).utf8),
      headers: HTTPHeaders(headers.fields.map { HTTPHeader($0.name, fill($0.value)) }))
    switch RealtimeHandshake(request, options: options, now: now, tenant: &tenant) {
    case .accepted(let serializer, let key):
      connections[name] = Connection(
        socket: RealtimeSocket(
          id: connections.count + 1, options: options, serializer: serializer, apiKey: key,
          now: now))
    case .refused(let answer, let isDelayed):
      let body = String(decoding: answer.body, as: UTF8.self)
      refusals[name] = (answer.status, body, isDelayed ? now + 2_000_000 : now)
    }
  }

  private mutating func rejected(_ name: String, _ status: Int, _ body: String, _ now: Int64) {
    // A project here is one tenant, whatever the host.
    if status == 404 { return }
    guard let refusal = refusals[name] else { return differences.append("\(name) was accepted") }
    if refusal.status != status || refusal.body != body || abs(refusal.at - now) > 100_000 {
      differences.append("\(name) was refused with \(refusal)")
    }
  }

  private mutating func feed(_ input: RealtimeSocket.Input, _ name: String, _ now: Int64) {
    for effect in connections[name]?.socket.handle(input, now: now, tenant: &tenant) ?? [] {
      switch effect {
      case .send(let frame): connections[name]?.frames.append(frame)
      case .close(let code): connections[name]?.closeCode = code
      case .subscribe, .unsubscribe: break
      }
    }
  }

  /// Lets time pass while something is due and not all that was recorded has come.
  private mutating func wait(
    _ name: String, until now: Int64, for isThere: (Connection) -> Bool
  ) {
    while let connection = connections[name], !isThere(connection),
      let due = connection.socket.deadline, due <= now + Self.slack
    {
      feed(.due, name, due)
    }
  }

  private mutating func learnChannels(of text: String, _ name: String) {
    guard let node = try? JSONNode(parsing: Array(text.utf8)),
      (node["event"] ?? node.array.flatMap { $0.count > 3 ? $0[3] : nil })?.string == "phx_join",
      let topic = (node["topic"] ?? node.array?[2])?.string,
      let newest = connections[name]?.socket.channelNumbers.last,
      connections[name]?.channels.values.contains(newest) == false
    else { return }
    connections[name]?.channels[topic] = newest
  }

  private mutating func expect(_ text: String, _ name: String, _ now: Int64) {
    guard let node = try? JSONNode(parsing: Array(text.utf8)),
      let event = (node["event"] ?? node.array?[3])?.string,
      let topic = (node["topic"] ?? node.array?[2])?.string,
      let payload = node["payload"] ?? node.array?[4]
    else { return differences.append("no message: \(text)") }
    let channel = connections[name]?.channels[topic] ?? 0
    if connections[name]?.frames.isEmpty == true {
      switch event {
      case "system" where payload["extension"]?.string == "postgres_changes":
        let message = payload["message"]?.string
        let complaint = payload["status"]?.string == "ok" ? nil : message
        feed(.subscribed(channel: channel, complaint: complaint), name, now)
      case "postgres_changes", "INSERT", "UPDATE", "DELETE":
        let ids = payload["ids"]?.array?.compactMap(\.int) ?? []
        feed(
          .changed(
            ChangeDelivery(
              channel: channel, ids: ids.map { connections[name]?.ids[$0] ?? $0 },
              data: (payload["data"] ?? payload).token.bytes)), name, now)
      default: wait(name, until: now) { !$0.frames.isEmpty }
      }
    }
    guard connections[name]?.frames.isEmpty == false,
      let frame = connections[name]?.frames.removeFirst()
    else { return differences.append("\(name) did not get \(text)") }
    let here = String(decoding: frame, as: UTF8.self)
    learnIds(payload, frame, name)
    if let difference = connections[name]?.comparison.difference(recorded: text, here: here) {
      differences.append("\(name): \(difference)")
    }
  }

  private mutating func learnIds(_ recorded: JSONNode, _ frame: [UInt8], _ name: String) {
    guard let node = try? JSONNode(parsing: frame), let payload = node["payload"] ?? node.array?[4]
    else { return }
    let old = recorded["response"]?["postgres_changes"]?.array ?? []
    let new = payload["response"]?["postgres_changes"]?.array ?? []
    for (old, new) in zip(old, new) {
      if let old = old["id"]?.int, let new = new["id"]?.int { connections[name]?.ids[old] = new }
    }
  }

  private mutating func closed(_ name: String, _ code: Int?, _ now: Int64) {
    // Closed by the client.
    if code == 1000, connections[name]?.closeCode == nil,
      (connections[name]?.socket.deadline ?? .max) > now
    {
      return
    }
    // The recorded server looked at the idle time every few seconds only.
    wait(name, until: now) { $0.closeCode != nil }
    if connections[name]?.closeCode != code {
      differences.append("\(name) was not closed with \(code.map(String.init) ?? "none")")
    }
  }
}
