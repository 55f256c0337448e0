import JSON

/// The rows or arguments that a request brings.
struct Payload {
  var body: [UInt8]
  /// The columns to write: those of `columns=`, else the keys of the objects, sorted.
  var columns: [String]

  /// The body as it came; whatever is wrong with it, PostgreSQL finds out.
  init(raw body: [UInt8], columns: [String]) {
    self.body = body
    self.columns = Array(Set(columns)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// A body that is read here to learn its keys; anything but objects and arrays counts as no rows.
  init(reading body: [UInt8]) throws(RequestError) {
    let node: JSONNode
    do { node = try JSONNode(parsing: body) } catch {
      throw Self.refusal(Self.words(error, body))
    }
    switch node.value {
    case .object(let members):
      self.init(raw: body, columns: members.map(\.name))
    case .array(let elements):
      guard let first = elements.first else {
        self.init(raw: body, columns: [])
        return
      }
      let keys = first.members.map { Set($0.map(\.name)) }
      guard let keys,
        elements.allSatisfy({ $0.members.map { Set($0.map(\.name)) } == keys })
      else { throw Self.refusal("All object keys must match") }
      self.init(raw: body, columns: Array(keys))
    default: self.init(raw: Array("[]".utf8), columns: [])
    }
  }

  /// One object of texts: the fields of a form.
  init(fields: [(name: String, value: String)]) {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in fields {
      writer.name(name)
      writer.string(value)
    }
    writer.endObject()
    self.init(raw: writer.bytes, columns: fields.map(\.name))
  }

  static func refusal(_ message: String) -> RequestError {
    RequestError(400, "PGRST102", message)
  }

  private static func words(_ error: JSONError, _ body: [UInt8]) -> String {
    if body.isEmpty { return "Error in $: not enough input" }
    return "Error in $: \(error)"
  }
}
