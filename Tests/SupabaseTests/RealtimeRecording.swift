import FoundationEssentials
import JSON
import Testing
import Transport

@testable import Supabase

/// A recorded session of a real Realtime server, one connection of it.
struct RealtimeRecording: Sendable, CustomTestStringConvertible {
  enum Step: Sendable {
    case join(FeedChannel, ref: String)
    case leave(channel: String, joinRef: String)
    /// A server's message in the form of protocol 2.0.0.
    case text([UInt8])
    case binary
    case end(WebSocketError.Kind)
  }

  let name: String
  let connection: String
  let steps: [(milliseconds: Int, step: Step)]

  var testDescription: String { "\(name) \(connection)" }

  static let all: [RealtimeRecording] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Transcripts/realtime")
    let names = try! FileManager.default.contentsOfDirectory(atPath: folder.path())
    return names.filter { $0.hasSuffix(".json") }.sorted().flatMap { name in
      let bytes = [UInt8](try! Data(contentsOf: folder.appending(path: name)))
      return connections(try! JSONDocument(bytes), name: String(name.dropLast(5)))
    }
  }()

  static func named(_ name: String, _ connection: String = "A") throws -> RealtimeRecording {
    try #require(all.first { $0.name == name && $0.connection == connection }, "\(name)")
  }

  private static func connections(_ root: JSONDocument, name: String) -> [RealtimeRecording] {
    var order: [String] = []
    let tables = changedTables(root)
    var steps: [String: [(Int, Step)]] = [:]
    for event in root.elements(of: root.value(of: "events", in: root.root)!)! {
      guard let connection = root.word("conn", event) else { continue }
      if steps[connection] == nil { order.append(connection) }
      let time = Int(
        Double(root.value(of: "t_ms", in: event).map { root.token(at: $0).text } ?? "0") ?? 0)
      if let step = step(root, event, tables) {
        steps[connection, default: []].append((time, step))
      }
      steps[connection, default: []] += []
    }
    return order.map {
      RealtimeRecording(
        name: name, connection: $0, steps: steps[$0]!.map { (milliseconds: $0.0, step: $0.1) })
    }
  }

  private static func step(
    _ root: JSONDocument, _ event: Range<Int>, _ tables: [TableName]
  ) -> Step? {
    switch root.word("kind", event) {
    case "connect_rejected":
      .end(.refused(status: root.value(of: "status", in: event).flatMap { root.integer(at: $0) }!))
    case "closed":
      if let code = root.value(of: "received_code", in: event), !root.isNull(at: code) {
        .end(.closed(code: root.integer(at: code)))
      } else {
        .end(.lost)
      }
    case "frame":
      if let text = root.word("text", event) {
        root.word("dir", event) == "server"
          ? .text(withoutWildcards(array(Array(text.utf8)), tables))
          : clientStep(Array(text.utf8), tables)
      } else {
        root.word("dir", event) == "server" ? .binary : nil
      }
    default: nil
    }
  }

  /// Protocol 1.0.0 puts the same parts into an object, without join_ref.
  private static func array(_ text: [UInt8]) -> [UInt8] {
    guard let message = try? JSONDocument(text),
      let parts = message.values(of: ["ref", "topic", "event", "payload"], in: message.root)
    else { return text }
    return Array("[null".utf8)
      + parts.flatMap { Array(",".utf8) + ($0.map { message.token(at: $0) } ?? .null).bytes }
      + Array("]".utf8)
  }

  private static func clientStep(_ text: [UInt8], _ tables: [TableName]) -> Step? {
    guard let message = try? JSONNode(parsing: text) else { return nil }
    let parts = message.array
    let joinRef = parts.map { $0.first?.string } ?? message["join_ref"]?.string
    let topic = (parts.map { $0.dropFirst(2).first?.string } ?? message["topic"]?.string) ?? ""
    let event = parts.map { $0.dropFirst(3).first?.string } ?? message["event"]?.string
    let payload = parts.map { $0.dropFirst(4).first } ?? message["payload"]
    let ref = parts.map { $0.dropFirst().first?.string } ?? message["ref"]?.string
    guard topic.hasPrefix("realtime:"), let ref else { return nil }
    let channel = String(topic.dropFirst("realtime:".count))
    switch event {
    case "phx_leave": return .leave(channel: channel, joinRef: joinRef ?? "")
    case "phx_join":
      let tables = (payload?["config"]?["postgres_changes"]?.array ?? []).flatMap { binding in
        named(by: binding, tables).map { FeedTable(name: $0, columns: keys[$0.name] ?? ["id"]) }
      }
      return .join(FeedChannel(name: channel, tables: tables), ref: ref)
    default: return nil
    }
  }

  /// The tables of every change in the recording, in order of their names.
  private static func changedTables(_ root: JSONDocument) -> [TableName] {
    var tables: Set<TableName> = []
    for event in root.elements(of: root.value(of: "events", in: root.root)!)! {
      guard root.word("dir", event) == "server", let text = root.word("text", event),
        let parts = (try? JSONNode(parsing: array(Array(text.utf8))))?.array, parts.count == 5,
        parts[3].string == "postgres_changes", let data = parts[4]["data"],
        let schema = data["schema"]?.string, let table = data["table"]?.string
      else { continue }
      tables.insert(TableName(schema: schema, name: table))
    }
    return tables.sorted()
  }

  /// Our client names every table; where the recorded one used a wildcard, the recording's tables stand in for it,
  /// in the join as in the reply.
  private static func named(by binding: JSONNode, _ tables: [TableName]) -> [TableName] {
    let schema = binding["schema"]?.string ?? "public"
    let table = binding["table"]?.string ?? "*"
    guard table == "*" || schema == "*" else { return [TableName(schema: schema, name: table)] }
    return tables.filter {
      (schema == "*" || $0.schema == schema) && (table == "*" || $0.name == table)
    }
  }

  private static func withoutWildcards(_ text: [UInt8], _ tables: [TableName]) -> [UInt8] {
    guard let parts = (try? JSONNode(parsing: text))?.array, parts.count == 5,
      let bindings = parts[4]["response"]?["postgres_changes"]?.array
    else { return text }
    var message = JSONWriter()
    message.beginArray()
    for part in parts.prefix(4) {
      if let word = part.string { message.string(word) } else { message.null() }
    }
    message.beginObject()
    message.name("status")
    message.string("ok")
    message.name("response")
    message.beginObject()
    message.name("postgres_changes")
    message.beginArray()
    for binding in bindings {
      for table in named(by: binding, tables) {
        message.beginObject()
        message.name("id")
        message.number(binding["id"]?.int ?? 0)
        message.name("schema")
        message.string(table.schema)
        message.name("table")
        message.string(table.name)
        message.endObject()
      }
    }
    message.endArray()
    message.endObject()
    message.endObject()
    message.endArray()
    return message.bytes
  }

  private static let keys = [
    "t_compk": ["tenant", "id"], "Weird Table": ["Id"], "t_part_1": ["id", "k"],
    "t_part_2": ["id", "k"],
  ]
}

extension JSONDocument {
  func word(_ name: String, _ part: Range<Int>) -> String? {
    value(of: name, in: part).flatMap { string(at: $0) }
  }
}

/// A machine that does what the recorded client did, and hears what that client heard. References are swapped: the
/// machine numbers its joins itself.
struct RealtimeReplay {
  var bench: RealtimeBench
  private var joins: [String: String] = [:]
  /// The messages as the machine got them.
  private(set) var heard: [[UInt8]] = []

  init(_ recording: RealtimeRecording) {
    // It must do nothing by itself.
    var options = RealtimeOptions()
    options.heartbeatInterval = .seconds(1_000_000)
    options.joinLimit = .seconds(1_000_000)
    options.subscribeLimit = .seconds(1_000_000)
    options.backoff.first = .seconds(1_000_000)
    options.backoff.cap = .seconds(1_000_000)
    options.refusalPause = .seconds(1_000_000)
    options.longestRefusalPause = .seconds(1_000_000)
    bench = RealtimeBench(options: options)
    // The socket needs a channel that wants it.
    bench.start([channel("first", "none")])
    if case .end(.refused)? = recording.steps.first?.step {} else { bench.open() }
    for (time, step) in recording.steps {
      bench.now = max(bench.now, .milliseconds(time))
      perform(step)
    }
  }

  private mutating func perform(_ step: RealtimeRecording.Step) {
    let feeds = bench.machine.channels.map(\.feed)
    switch step {
    case .join(let feed, let ref):
      if feeds.contains(feed), bench.machine.channels.first(where: { $0.feed == feed })?.join != nil
      {
        bench.perform(bench.machine.rejoin(feed.name, now: bench.now))
      } else {
        let others = feeds.filter { $0.name != feed.name }
        bench.perform(bench.machine.setChannels(others, now: bench.now))
        bench.perform(bench.machine.setChannels(others + [feed], now: bench.now))
      }
      joins[ref] = "\(bench.join(feed))"
    case .leave(let name, let joinRef):
      let join = bench.machine.channels.first { $0.feed.name == name }?.join?.number
      // A leave of an older join means nothing to the server.
      guard let join, joinRef.isEmpty || joins[joinRef] == "\(join)" else { return }
      bench.perform(
        bench.machine.setChannels(feeds.filter { $0.name != name }, now: bench.now))
    case .text(let bytes):
      let text = swapped(bytes)
      heard.append(text)
      bench.receive(String(decoding: text, as: UTF8.self))
    case .binary:
      bench.perform(
        bench.machine.received(
          .binary([4]), connection: bench.machine.connection ?? 0, now: bench.now))
    case .end(let kind):
      if bench.machine.connection != nil { bench.end(kind) }
    }
  }

  private func swapped(_ bytes: [UInt8]) -> [UInt8] {
    guard let document = try? JSONDocument(bytes), let parts = document.elements(of: document.root),
      parts.count == 5
    else { return bytes }
    var text: [UInt8] = Array("[".utf8)
    for (index, part) in parts.enumerated() {
      if index > 0 { text += Array(",".utf8) }
      if index < 2, let ref = document.string(at: part), let join = joins[ref] {
        text += JSONToken(string: join).bytes
      } else {
        text += bytes[part]
      }
    }
    return text + Array("]".utf8)
  }
}
