import JSON

/// One entry of a join's `postgres_changes`.
struct RealtimeBinding: Sendable {
  let subscription: Subscription
  private let members: [JSONNode.Member]

  var id: Int { subscription.id }

  /// - Parameter node: an object; other kinds of values count as an empty one.
  init(_ node: JSONNode) {
    members = node.lastMembers
    let content = node.token.bytes
    subscription = Subscription(
      event: Self.event(node["event"]?.string), schema: node["schema"]?.string,
      table: node["table"]?.string, filter: node["filter"]?.string,
      select: node["select"]?.array?.compactMap(\.string), id: Self.id(of: content),
      params: node.members == nil ? Array("{}".utf8) : content)
  }

  /// The binding as the reply repeats it: its id, then every member that was sent.
  func write(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("id")
    writer.number(id)
    for member in members where member.name != "id" {
      writer.name(member.name)
      member.node.write(into: &writer)
    }
    writer.endObject()
  }

  /// What is not one of the three, or no event at all, means every change.
  private static func event(_ sent: String?) -> String {
    let event = sent?.uppercased() ?? "*"
    return ["INSERT", "UPDATE", "DELETE"].contains(event) ? event : "*"
  }

  /// The same for the same content in every join: FNV-1a, folded to 1..<2^27, where the ids of the real server
  /// (phash2) are too. Never 0, which clients take for none.
  private static func id(of content: [UInt8]) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in content { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3 }
    return Int((hash ^ hash >> 32) % (1 << 27 - 1)) + 1
  }
}
