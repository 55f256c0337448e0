import JSON

extension StateText {
  /// The target's types where they are others.
  static func write(_ shape: TableShape, _ writer: inout JSONWriter) {
    let types = shape.types.sorted { $0.key < $1.key }
    let others = types.filter { $0.value.target != $0.value.source }
    write("types", types.map { ($0.key, $0.value.source) }, &writer)
    if !others.isEmpty {
      write("typesOnTarget", others.map { ($0.key, $0.value.target) }, &writer)
    }
  }

  private static func write(
    _ name: String, _ types: [(column: String, type: String)], _ writer: inout JSONWriter
  ) {
    writer.name(name)
    writer.beginObject()
    for (column, type) in types {
      writer.name(column)
      writer.string(type)
    }
    writer.endObject()
  }

  /// nil where it cannot be read.
  static func shape(_ types: JSONNode, _ onTarget: JSONNode?) -> TableShape? {
    guard let source = types.members, let target = onTarget.map(\.members) ?? [] else {
      return nil
    }
    var shape: [String: TableShape.Types] = [:]
    for member in source {
      guard let type = member.node.string else { return nil }
      shape[member.name] = TableShape.Types(source: type, target: type)
    }
    for member in target {
      guard let type = member.node.string, shape[member.name] != nil else { return nil }
      shape[member.name]?.target = type
    }
    return TableShape(shape)
  }
}
