import JSON

@testable import LocalSupabase

/// Says whether two frames are the same for a client: as JSON, with the bindings' ids mapped, and what depends on the
/// time of day left out.
struct RealtimeComparison {
  /// From a recorded id to the one that stands for it here.
  private var ids: [String: String] = [:]

  /// nil: they are the same.
  mutating func difference(recorded: String, here: String) -> String? {
    guard let old = try? JSONNode(parsing: Array(recorded.utf8)),
      let new = try? JSONNode(parsing: Array(here.utf8))
    else { return "not JSON: \(here)" }
    learn(old, new)
    let (wanted, got) = (text(old, mapping: true), text(new, mapping: false))
    return wanted == got ? nil : "recorded \(wanted)\n     here \(got)"
  }

  /// The replies to a join tell the ids, in the same order.
  private mutating func learn(_ old: JSONNode, _ new: JSONNode) {
    let pairs = zip(bindings(old), bindings(new))
    for (old, new) in pairs {
      guard let old = old["id"]?.token.text, let new = new["id"]?.token.text else { continue }
      if ids[old] == nil, !ids.values.contains(new) { ids[old] = new }
    }
  }

  private func bindings(_ message: JSONNode) -> [JSONNode] {
    payload(message)?["response"]?["postgres_changes"]?.array ?? []
  }

  private func payload(_ message: JSONNode) -> JSONNode? {
    message["payload"] ?? message.array?.last
  }

  private func text(_ message: JSONNode, mapping: Bool) -> String {
    let change = payload(message)?["data"] ?? payload(message)
    let day = change?["commit_timestamp"]?.string.map { String($0.prefix(10)) }
    var writer = JSONWriter()
    write(message, name: "", day: day, mapping: mapping, into: &writer)
    return writer.text
  }

  private func write(
    _ node: JSONNode, name: String, day: String?, mapping: Bool, into writer: inout JSONWriter
  ) {
    switch node.value {
    case .object:
      writer.beginObject()
      for member in node.lastMembers {
        writer.name(member.name)
        write(member.node, name: member.name, day: day, mapping: mapping, into: &writer)
      }
      writer.endObject()
    case .array(let elements):
      writer.beginArray()
      for element in elements {
        write(element, name: name, day: day, mapping: mapping, into: &writer)
      }
      writer.endArray()
    // A binding's id, and not the `id` of a row.
    case .number(let digits) where mapping && ["id", "ids"].contains(name) && ids[digits] != nil:
      writer.raw((ids[digits] ?? digits).utf8)
    // The time of the change itself, by the server's clock or by the default of a column.
    case .string(let text) where name == "commit_timestamp" || (day.map(text.hasPrefix) ?? false):
      writer.string("now")
    // Sessions are not played in the time that they took.
    case .string(let text) where text.contains("Token has expired "):
      writer.string(String(text.map { $0.isNumber ? "n" : $0 }))
    default: node.write(into: &writer)
    }
  }
}
