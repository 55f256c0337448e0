import JSON
import Transport

/// What the client says, as text frames of protocol 2.0.0. `join_ref` stands in every message of a channel: servers
/// on Phoenix 1.7 drop those without it.
enum RealtimeMessage {
  /// `realtime:` belongs to the protocol; a topic without it is refused.
  static func topic(of channel: String) -> String { "realtime:" + channel }

  static let heartbeatTopic = "phoenix"

  static func heartbeat(ref: Int) -> [UInt8] {
    message(join: nil, ref: ref, topic: heartbeatTopic, event: "heartbeat") { payload in
      payload.beginObject()
      payload.endObject()
    }
  }

  /// One binding a table for every kind of change. The payload always has a `config`: without it the server reads the
  /// topic as a table's name.
  static func join(_ channel: FeedChannel, join: Int, key: ServiceKey) -> [UInt8] {
    message(join: join, ref: join, topic: topic(of: channel.name), event: "phx_join") { payload in
      payload.beginObject()
      payload.name("config")
      payload.beginObject()
      payload.name("broadcast")
      payload.beginObject()
      payload.name("ack")
      payload.bool(false)
      payload.name("self")
      payload.bool(false)
      payload.endObject()
      payload.name("presence")
      payload.beginObject()
      payload.name("key")
      payload.string("")
      payload.name("enabled")
      payload.bool(false)
      payload.endObject()
      payload.name("private")
      payload.bool(false)
      payload.name("postgres_changes")
      payload.beginArray()
      for table in channel.tables { payload.binding(to: table.name) }
      payload.endArray()
      payload.endObject()
      if let token = key.realtimeToken {
        payload.name("access_token")
        payload.string(token)
      }
      payload.endObject()
    }
  }

  static func leave(_ channel: String, join: Int, ref: Int) -> [UInt8] {
    message(join: join, ref: ref, topic: topic(of: channel), event: "phx_leave") { payload in
      payload.beginObject()
      payload.endObject()
    }
  }

  /// Never answered, but by another "Subscribed to PostgreSQL" or a `system` error.
  static func accessToken(_ token: String, channel: String, join: Int, ref: Int) -> [UInt8] {
    message(join: join, ref: ref, topic: topic(of: channel), event: "access_token") { payload in
      payload.beginObject()
      payload.name("access_token")
      payload.string(token)
      payload.endObject()
    }
  }

  /// The socket of a project. The key stands in the URL, as there is no other place that every gateway looks at.
  static func socket(of project: ProjectURL, key: ServiceKey, options: RealtimeOptions)
    -> WebSocketRequest
  {
    // http becomes ws, https wss.
    let base = "ws" + project.description.dropFirst("http".count)
    return WebSocketRequest(
      url: base + "/realtime/v1/websocket?apikey=" + percentEncoded(key.secret, leaving: "")
        + "&vsn=2.0.0",
      caFile: options.caFile, connectLimit: options.connectLimit,
      maximumMessageBytes: options.maximumMessageBytes)
  }

  private static func message(
    join: Int?, ref: Int, topic: String, event: String, payload: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    if let join { writer.string("\(join)") } else { writer.null() }
    writer.string("\(ref)")
    writer.string(topic)
    writer.string(event)
    payload(&writer)
    writer.endArray()
    return writer.bytes
  }
}

extension JSONWriter {
  fileprivate mutating func binding(to table: TableName) {
    beginObject()
    name("event")
    string("*")
    name("schema")
    string(table.schema)
    name("table")
    string(table.name)
    endObject()
  }
}

extension ServiceKey {
  /// What a channel's token is to be: a key of the newer kind is no JWT; the gateway swaps it for one where it stands
  /// in the socket's URL.
  var realtimeToken: String? { secret.hasPrefix("sb_") ? nil : secret }
}
