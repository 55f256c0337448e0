import JSON

/// One entry of a join's `postgres_changes`.
struct RealtimeBinding: Sendable {
  let subscription: Subscription
  /// What is wrong with it before any database is asked: the message of the `system` error.
  let complaint: String?
  private let members: [JSONNode.Member]

  var id: Int { subscription.id }

  /// - Parameter node: an object; other kinds of values count as an empty one.
  init(_ node: JSONNode) {
    members = node.lastMembers
    let table = node["table"]?.string
    // A table without a schema is one of `public`; with neither, nothing is asked for.
    let schema = node["schema"]?.string ?? (table == nil ? nil : "public")
    let filter = node["filter"]
    if schema == nil {
      complaint =
        "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "
        + Self.elixir(members)
    } else if let filter, filter.string == nil {
      complaint = "Error parsing `filter` params: \(Self.elixir(filter))"
    } else {
      complaint = nil
    }
    subscription = Subscription(
      event: Self.event(node["event"]?.string), schema: schema, table: table,
      filter: filter?.string.flatMap { $0.isEmpty ? nil : $0 },
      select: node["select"]?.array?.compactMap(\.string), id: Self.id(of: node.token.bytes))
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

  /// As the server's language shows a map; strings as JSON quotes them.
  private static func elixir(_ members: [JSONNode.Member]) -> String {
    let shown = members.map { "\(JSONToken(string: $0.name).text) => \(elixir($0.node))" }
    return "%{\(shown.joined(separator: ", "))}"
  }

  private static func elixir(_ node: JSONNode) -> String {
    switch node.value {
    case .null: "nil"
    case .array(let elements): "[\(elements.map { elixir($0) }.joined(separator: ", "))]"
    case .object: elixir(node.lastMembers)
    default: node.token.text
    }
  }
}
