import JSON

/// One joined channel of a socket, and what it says.
struct RealtimeChannel: Sendable {
  /// Over all sockets of the server.
  let number: Int
  let topic: String
  let joinRef: JSONToken
  private(set) var token: String
  /// When the token is looked at again, in microseconds since 1970.
  private(set) var nextCheck: Int64
  private var read: RealtimeToken
  private let bindings: [RealtimeBinding]
  private let isOldStyle: Bool

  init(
    number: Int, message: ClientMessage, join: RealtimeJoin, token: String, read: RealtimeToken,
    now: Int64, interval: Int64
  ) {
    self.number = number
    topic = message.topic
    joinRef = message.joinRef
    self.token = token
    self.read = read
    bindings = join.bindings
    isOldStyle = join.isOldStyle
    nextCheck = min(read.expires, now + interval)
  }

  mutating func refresh(_ token: String, _ read: RealtimeToken, now: Int64, interval: Int64) {
    self.token = token
    self.read = read
    checked(now: now, interval: interval)
  }

  mutating func checked(now: Int64, interval: Int64) {
    nextCheck = min(read.expires, now + interval)
  }

  /// nil while the token is good.
  func expiry(now: Int64) -> RealtimeToken.Refusal? {
    do throws(RealtimeToken.Refusal) {
      try read.check(now: now)
      return nil
    } catch {
      return error
    }
  }

  var hasBindings: Bool { !bindings.isEmpty }

  func subscribe(_ when: RealtimeSocket.SubscribeTime) -> RealtimeSocket.Effect {
    .subscribe(
      channel: number, bindings.map(\.subscription), claims: read.claims, when: when)
  }

  /// The bindings in the order they came, each with its id.
  func reply(to message: ClientMessage) -> RealtimeMessage {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("postgres_changes")
    writer.beginArray()
    for binding in bindings { binding.write(into: &writer) }
    writer.endArray()
    writer.endObject()
    return .reply(
      joinRef: message.joinRef, ref: message.ref, topic: topic, response: writer.bytes)
  }

  func subscribed(_ complaint: String?) -> RealtimeMessage {
    .system(
      joinRef: joinRef, topic: topic, extension: "postgres_changes", isOK: complaint == nil,
      complaint ?? "Subscribed to PostgreSQL")
  }

  /// Changes come past the channel's process and have no join ref.
  func changed(_ change: ChangeDelivery) -> RealtimeMessage {
    if isOldStyle {
      let type = (try? JSONNode(parsing: change.data))?["type"]?.string
      return RealtimeMessage(topic: topic, event: type ?? "*", payload: change.data)
    }
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("ids")
    writer.beginArray()
    for id in change.ids { writer.number(id) }
    writer.endArray()
    writer.name("data")
    writer.raw(change.data)
    writer.endObject()
    return RealtimeMessage(topic: topic, event: "postgres_changes", payload: writer.bytes)
  }

  /// Nobody is present: presence is not offered.
  var noPresence: RealtimeMessage {
    RealtimeMessage(
      joinRef: joinRef, topic: topic, event: "presence_state", payload: Array("{}".utf8))
  }

  var closed: RealtimeMessage { .close(joinRef: joinRef, topic: topic) }
}
