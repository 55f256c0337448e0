import JSON
import Testing
import Transport

@testable import Supabase

/// A machine, its time, and what it did since it was last asked.
struct RealtimeBench {
  var machine: RealtimeMachine
  var now = Duration.zero
  private(set) var events: [FeedEvent] = []
  private(set) var sent: [SentMessage] = []
  private(set) var requests: [WebSocketRequest] = []
  private(set) var closed: [Int] = []
  private(set) var notices: [RealtimeOddity] = []
  private var joins: [String: Int] = [:]

  init(
    key: String = serviceJWT, url: String = "http://localhost:54321",
    random: Double = 0, options: RealtimeOptions = RealtimeOptions()
  ) {
    machine = RealtimeMachine(
      url: ProjectURL(url)!, key: ServiceKey(key), options: options, random: { random })
  }

  mutating func perform(_ actions: [RealtimeMachine.Action]) {
    for action in actions {
      switch action {
      case .connect(let request, _): requests.append(request)
      case .send(let text, _):
        let message = SentMessage(text)
        if message.event == "phx_join" { joins[message.channel] = Int(message.joinRef ?? "") }
        sent.append(message)
      case .close(let number): closed.append(number)
      case .emit(let event): events.append(event)
      case .notice(let oddity): notices.append(oddity)
      }
    }
  }

  // What happens.

  mutating func start(_ channels: [FeedChannel]) {
    perform(machine.setChannels(channels, now: now))
    perform(machine.start(now: now))
  }

  mutating func open() {
    guard let number = machine.connection else {
      Issue.record("nothing is being opened")
      return
    }
    perform(machine.opened(connection: number, now: now))
  }

  /// Connected, and every channel subscribed.
  mutating func startSubscribed(_ channels: [FeedChannel]) {
    start(channels)
    open()
    for channel in channels {
      reply(channel)
      system(channel)
    }
    forget()
  }

  mutating func end(_ kind: WebSocketError.Kind, _ text: String = "localhost went away") {
    guard let number = machine.connection else {
      Issue.record("no connection")
      return
    }
    perform(machine.ended(WebSocketError(kind, text), connection: number, now: now))
  }

  mutating func receive(_ text: String) {
    perform(
      machine.received(.text(Array(text.utf8)), connection: machine.connection ?? 0, now: now))
  }

  /// Deadline by deadline, as a timer would.
  mutating func pass(_ time: Duration) {
    let end = now + time
    for _ in 0..<10_000 {
      guard let next = machine.nextDeadline, next <= end else {
        now = end
        return
      }
      now = max(now, next)
      perform(machine.timeReached(now: now))
    }
    Issue.record("the machine wants to be called for ever")
  }

  // What the server says.

  func join(_ channel: FeedChannel) -> Int { joins[channel.name] ?? 0 }

  mutating func reply(_ channel: FeedChannel, join: Int? = nil) {
    let bindings = channel.tables.enumerated().map { index, table in
      #"{"id":\#(101 + index),"event":"*","schema":"\#(table.name.schema)","table":"\#(table.name.name)"}"#
    }
    let join = join ?? self.join(channel)
    receive(
      #"["\#(join)","\#(join)","realtime:\#(channel.name)","phx_reply",{"status":"ok","response":{"postgres_changes":[\#(bindings.joined(separator: ","))]}}]"#
    )
  }

  mutating func refuse(_ channel: FeedChannel, _ reason: String) {
    let join = join(channel)
    receive(
      #"["\#(join)","\#(join)","realtime:\#(channel.name)","phx_reply",{"status":"error","response":{"reason":\#(JSONToken(string: reason).text)}}]"#
    )
  }

  mutating func system(
    _ channel: FeedChannel, join: Int? = nil, extension kind: String = "postgres_changes",
    status: String = "ok", _ message: String = "Subscribed to PostgreSQL"
  ) {
    receive(
      #"["\#(join ?? self.join(channel))",null,"realtime:\#(channel.name)","system",{"message":\#(JSONToken(string: message).text),"status":"\#(status)","extension":"\#(kind)","channel":"\#(channel.name)"}]"#
    )
  }

  mutating func close(_ channel: FeedChannel, join: Int? = nil, event: String = "phx_close") {
    let join = join ?? self.join(channel)
    receive(#"["\#(join)","\#(join)","realtime:\#(channel.name)","\#(event)",{}]"#)
  }

  mutating func insert(
    _ id: Int, _ channel: FeedChannel, table: String = "items", ids: String = "101"
  ) {
    receive(
      #"[null,null,"realtime:\#(channel.name)","postgres_changes",{"ids":[\#(ids)],"data":{"schema":"public","table":"\#(table)","type":"INSERT","commit_timestamp":"2026-03-01T10:20:30.456Z","columns":[],"record":{"id":\#(id)},"errors":null}}]"#
    )
  }

  /// The reply to the heartbeat that was sent last.
  mutating func answerHeartbeat() {
    guard let beat = sent.last(where: { $0.event == "heartbeat" }) else {
      Issue.record("no heartbeat was sent")
      return
    }
    receive(#"[null,"\#(beat.ref)","phoenix","phx_reply",{"status":"ok","response":{}}]"#)
  }

  // What it did.

  mutating func forget() {
    events = []
    sent = []
    requests = []
    closed = []
    notices = []
  }

  mutating func takeEvents() -> [String] {
    defer { events = [] }
    return events.map(\.short)
  }

  /// `event channel`, in order.
  mutating func takeSent() -> [String] {
    defer { sent = [] }
    return sent.map { $0.channel.isEmpty ? $0.event : "\($0.event) \($0.channel)" }
  }
}

struct SentMessage {
  let text: String
  let joinRef: String?
  let ref: String
  let topic: String
  let event: String
  let payload: JSONNode

  init(_ bytes: [UInt8]) {
    let parts = (try? JSONNode(parsing: bytes))?.array ?? []
    text = String(decoding: bytes, as: UTF8.self)
    joinRef = parts[0].string
    ref = parts[1].string ?? ""
    topic = parts[2].string ?? ""
    event = parts[3].string ?? ""
    payload = parts[4]
  }

  var channel: String {
    topic.hasPrefix("realtime:") ? String(topic.dropFirst("realtime:".count)) : ""
  }
}

extension FeedEvent {
  /// Without numbers of joins and without sentences.
  var short: String {
    switch self {
    case .connected: "connected"
    case .disconnected(let problem): "disconnected: \(problem.kind.short)"
    case .subscribed(let channel, _, let isFirst): "subscribed \(channel)\(isFirst ? "" : " again")"
    case .refused(let channel, let problem): "refused \(channel): \(problem.kind.short)"
    case .ended(let channel, let problem): "ended \(channel): \(problem.kind.short)"
    case .change(let change, let channel, _): "\(channel): \(change.short)"
    }
  }

  var problem: FeedProblem? {
    switch self {
    case .disconnected(let problem), .refused(_, let problem), .ended(_, let problem): problem
    default: nil
    }
  }

  var join: Int? {
    switch self {
    case .subscribed(_, let join, _), .change(_, _, let join): join
    default: nil
    }
  }
}

extension FeedProblem.Kind {
  var short: String {
    switch self {
    case .connection: "connection"
    case .token: "token"
    case .table(let name): "table \(name.map { "\($0)" } ?? "?")"
    case .limit: "limit"
    case .server: "server"
    }
  }
}

extension FeedChange {
  /// `update public.items 1 was 2 with errors`; `?` for a key that is not known.
  var short: String {
    func shown(_ key: [JSONToken]?) -> String {
      key?.map(\.text).joined(separator: ",") ?? "?"
    }
    let keys =
      switch kind {
      case .insert: "insert \(table) \(shown(key))"
      case .update: "update \(table) \(shown(key)) was \(shown(oldKey))"
      case .delete: "delete \(table) \(shown(oldKey))"
      }
    return keys + (hasErrors ? " with errors" : "")
  }
}

func channel(_ name: String, _ tables: String...) -> FeedChannel {
  FeedChannel(
    name: name, tables: tables.map { FeedTable(name: TableName(name: $0), columns: ["id"]) })
}
