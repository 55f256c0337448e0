import JSON

/// How messages are written as text frames; the client chooses by `vsn`.
enum RealtimeSerializer: Hashable, Sendable {
  /// An object a frame.
  case objects
  /// An array a frame: join ref, ref, topic, event, payload.
  case arrays

  /// nil for a version that is not offered. Missing means 1.0.0.
  init?(vsn: String?) {
    let parts = (vsn ?? "1.0.0").split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1] == "0", UInt(parts[2]) != nil else { return nil }
    switch parts[0] {
    case "1": self = .objects
    case "2": self = .arrays
    default: return nil
    }
  }

  /// What a client sent, nil where it is no message: the server drops such frames without a word.
  func read(_ text: [UInt8]) -> ClientMessage? {
    guard let node = try? JSONNode(parsing: text) else { return nil }
    switch self {
    case .objects:
      guard node.members != nil, let topic = node["topic"]?.string,
        let event = node["event"]?.string, let payload = node["payload"], let ref = node["ref"]
      else { return nil }
      return ClientMessage(
        joinRef: node["join_ref"]?.token ?? .null, ref: ref.token, topic: topic, event: event,
        payload: payload)
    case .arrays:
      // What follows the fifth element is nobody's business.
      guard let parts = node.array, parts.count >= 5, let topic = parts[2].string,
        let event = parts[3].string
      else { return nil }
      return ClientMessage(
        joinRef: parts[0].token, ref: parts[1].token, topic: topic, event: event,
        payload: parts[4])
    }
  }

  func write(_ message: RealtimeMessage) -> [UInt8] {
    var writer = JSONWriter()
    switch self {
    case .objects:
      writer.beginObject()
      writer.name("ref")
      writer.raw(message.ref)
      writer.name("event")
      writer.string(message.event)
      writer.name("topic")
      writer.string(message.topic)
      writer.name("payload")
      writer.raw(message.payload)
      writer.endObject()
    case .arrays:
      writer.beginArray()
      writer.raw(message.joinRef)
      writer.raw(message.ref)
      writer.string(message.topic)
      writer.string(message.event)
      writer.raw(message.payload)
      writer.endArray()
    }
    return writer.bytes
  }
}

/// One message of a client. Refs are any JSON and are echoed as they came.
struct ClientMessage: Sendable {
  var joinRef: JSONToken
  var ref: JSONToken
  var topic: String
  var event: String
  var payload: JSONNode
}

/// One message to a client.
struct RealtimeMessage: Hashable, Sendable {
  var joinRef = JSONToken.null
  var ref = JSONToken.null
  var topic: String
  var event: String
  /// A JSON object.
  var payload: [UInt8]

  static func reply(
    joinRef: JSONToken, ref: JSONToken, topic: String, isOK: Bool = true,
    response: [UInt8] = Array("{}".utf8)
  ) -> RealtimeMessage {
    var payload = JSONWriter()
    payload.beginObject()
    payload.name("status")
    payload.string(isOK ? "ok" : "error")
    payload.name("response")
    payload.raw(response)
    payload.endObject()
    return RealtimeMessage(
      joinRef: joinRef, ref: ref, topic: topic, event: "phx_reply", payload: payload.bytes)
  }

  /// A refusal with its reason.
  static func refusal(
    joinRef: JSONToken, ref: JSONToken, topic: String, reason: String
  ) -> RealtimeMessage {
    reply(
      joinRef: joinRef, ref: ref, topic: topic, isOK: false,
      response: object([("reason", reason)]))
  }

  static func system(
    joinRef: JSONToken, topic: String, extension name: String, isOK: Bool, _ message: String
  ) -> RealtimeMessage {
    RealtimeMessage(
      joinRef: joinRef, topic: topic, event: "system",
      payload: object([
        ("message", message), ("status", isOK ? "ok" : "error"), ("extension", name),
        ("channel", String(topic.dropFirst(realtimePrefix.count))),
      ]))
  }

  /// Sent past the channels, hence without a join ref and without `channel`.
  static func serverRequestedDisconnect(topic: String) -> RealtimeMessage {
    RealtimeMessage(
      topic: topic, event: "system",
      payload: object([
        ("message", "Server requested disconnect"), ("status", "ok"), ("extension", "system"),
      ]))
  }

  /// The end of a channel, whose join had this ref.
  static func close(joinRef: JSONToken, topic: String) -> RealtimeMessage {
    RealtimeMessage(
      joinRef: joinRef, ref: joinRef, topic: topic, event: "phx_close",
      payload: Array("{}".utf8))
  }

  private static func object(_ members: [(String, String)]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in members {
      writer.name(name)
      writer.string(value)
    }
    writer.endObject()
    return writer.bytes
  }
}

/// What every topic that can be joined begins with.
let realtimePrefix = "realtime:"

extension JSONNode {
  /// The value written anew: blanks gone, of members of one name the last, sorted by name.
  var token: JSONToken {
    var writer = JSONWriter()
    write(into: &writer)
    return JSONToken(bytes: writer.bytes)
  }

  func write(into writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let bool): writer.bool(bool)
    case .number(let digits): writer.raw(digits.utf8)
    case .string(let string): writer.string(string)
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(into: &writer) }
      writer.endArray()
    case .object:
      writer.beginObject()
      for member in lastMembers {
        writer.name(member.name)
        member.node.write(into: &writer)
      }
      writer.endObject()
    }
  }

  /// An object's members by name, of several with one name the last.
  var lastMembers: [Member] {
    var last: [String: Member] = [:]
    for member in members ?? [] { last[member.name] = member }
    return last.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }
}
