import JSON

/// What a `phx_join` asks for. A part of the wrong shape counts as absent, as the server has it.
struct RealtimeJoin: Sendable {
  let bindings: [RealtimeBinding]
  /// Joined without `config`: the topic names what is wanted, and changes arrive under their own name.
  let isOldStyle: Bool
  /// nil: the socket's key.
  let token: String?
  let isPrivate: Bool
  let wantsPresence: Bool

  init(topic: String, payload: JSONNode) {
    let config = payload["config"]
    isOldStyle = config == nil
    if config == nil {
      bindings = [RealtimeBinding(Self.binding(named: topic.dropFirst(realtimePrefix.count)))]
    } else {
      let wanted = config?["postgres_changes"]?.array ?? []
      bindings = wanted.filter { !$0.isNull }.map { RealtimeBinding($0) }
    }
    isPrivate = Self.isTrue(config?["private"])
    wantsPresence = Self.isTrue(config?["presence"]?["enabled"])
    token = Self.token(payload["user_token"]?.string ?? payload["access_token"]?.string)
  }

  /// A key of the new style is no token: the socket's own key stands for it.
  static func token(_ sent: String?) -> String? {
    guard let sent, !sent.hasPrefix("sb_") else { return nil }
    return sent
  }

  /// `schema[:table[:filter]]`
  private static func binding(named name: Substring) -> JSONNode {
    let parts = name.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    var writer = JSONWriter()
    writer.beginObject()
    for (key, part) in zip(["schema", "table", "filter"], parts) {
      writer.name(key)
      writer.string(String(part))
    }
    writer.endObject()
    guard let node = try? JSONNode(parsing: writer.bytes) else {
      preconditionFailure("an object of strings is JSON")
    }
    return node
  }

  private static func isTrue(_ node: JSONNode?) -> Bool {
    node?.bool ?? (node?.string == "true")
  }
}
