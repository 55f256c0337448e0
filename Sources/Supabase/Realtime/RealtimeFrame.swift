import JSON

/// One message of protocol 2.0.0 as it came: `[join_ref, ref, topic, event, payload]`. More elements are ignored, as
/// the server does.
struct RealtimeFrame {
  let document: JSONDocument
  /// The join that it belongs to. Row changes never have one, and neither has "Server requested disconnect".
  let joinRef: String?
  let ref: String?
  let topic: String
  let event: String
  private let payload: Range<Int>

  struct Unreadable: Error { let oddity: RealtimeOddity }

  init(_ bytes: [UInt8]) throws(Unreadable) {
    guard let document = try? JSONDocument(bytes) else { throw Unreadable(oddity: .notJSON) }
    guard let parts = document.elements(of: document.root, limit: 5), parts.count == 5,
      let topic = document.string(at: parts[2]), let event = document.string(at: parts[3])
    else { throw Unreadable(oddity: .noMessage) }
    self.document = document
    joinRef = document.reference(at: parts[0])
    ref = document.reference(at: parts[1])
    self.topic = topic
    self.event = event
    payload = parts[4]
  }

  /// Members of the payload; nil where it is no object.
  func payload(_ names: [String]) -> [Range<Int>?]? { document.values(of: names, in: payload) }

  /// `{"status": …, "response": …}` of a `phx_reply`.
  func reply() -> Reply? {
    guard let parts = payload(["status", "response"]), let status = parts[0],
      let response = parts[1], let word = document.string(at: status)
    else { return nil }
    guard word != "ok" else { return .ok(response: response) }
    let reason = document.value(of: "reason", in: response).flatMap { document.string(at: $0) }
    return .error(reason: reason ?? "")
  }

  enum Reply {
    case ok(response: Range<Int>)
    case error(reason: String)
  }

  /// The ids that a join's reply gives to the bindings. The reply lists them in the order sent.
  /// - Returns: nil where the list is not that of `tables`.
  func bindingIDs(in response: Range<Int>, of tables: [FeedTable]) -> Set<Int>? {
    guard let list = document.value(of: "postgres_changes", in: response),
      let bindings = document.elements(of: list), bindings.count == tables.count
    else { return nil }
    var ids: Set<Int> = []
    for (binding, table) in zip(bindings, tables) {
      guard let parts = document.values(of: ["id", "schema", "table"], in: binding),
        let id = parts[0].flatMap({ document.integer(at: $0) }),
        let schema = parts[1].flatMap({ document.string(at: $0) }),
        let name = parts[2].flatMap({ document.string(at: $0) }),
        same(schema, table.name.schema), same(name, table.name.name)
      else { return nil }
      ids.insert(id)
    }
    return ids
  }

  /// A `system` message's `extension`, `status` and `message`.
  func systemMessage() -> SystemMessage? {
    guard let parts = payload(["extension", "status", "message"]),
      let kind = parts[0].flatMap({ document.string(at: $0) }),
      let status = parts[1].flatMap({ document.string(at: $0) })
    else { return nil }
    return SystemMessage(
      extension: kind, isOK: status == "ok",
      text: parts[2].flatMap { document.string(at: $0) } ?? "")
  }
}

/// What a `system` event says about a channel.
struct SystemMessage: Hashable {
  let `extension`: String
  let isOK: Bool
  let text: String

  var isOfChanges: Bool { `extension` == "postgres_changes" }
}

/// Names are equal byte by byte: PostgreSQL does not know canonical equivalence.
func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

extension JSONDocument {
  /// The server echoes references of any JSON type.
  fileprivate func reference(at part: Range<Int>) -> String? {
    if isNull(at: part) { return nil }
    return string(at: part) ?? String(decoding: bytes[part], as: UTF8.self)
  }
}
