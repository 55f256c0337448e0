import JSON

/// The root document, as PostgREST writes it (OpenAPI 2).
///
/// It tells neither generated nor identity columns, nor unique constraints, nor which relation is a view.
struct OpenAPI {
  let catalogue: Catalogue

  /// nil where the text is no such document.
  init?(_ bytes: [UInt8], schema: String) {
    guard let root = try? JSONNode(parsing: bytes), root["swagger"]?.string != nil,
      let definitions = root["definitions"]?.members ?? (root["definitions"] == nil ? [] : nil),
      let paths = root["paths"]?.members
    else { return nil }
    let writable = Set(paths.filter { $0.node["post"] != nil }.map(\.name))
    var tables: [TableName: TableDescription] = [:]
    for definition in definitions {
      let name = TableName(schema: schema, name: definition.name)
      let required = Set((definition.node["required"]?.array ?? []).compactMap(\.string))
      var columns: [Column] = []
      for property in definition.node["properties"]?.members ?? [] {
        guard let format = property.node["format"]?.string else { return nil }
        let note = Note(property.node["description"]?.string ?? "")
        var column = Column(
          name: property.name, format: format, isNotNull: required.contains(property.name),
          isPrimaryKey: note.isPrimaryKey, references: note.references)
        column.labels = (property.node["enum"]?.array ?? []).compactMap(\.string)
        column.defaultText = property.node["default"]?.string
        columns.append(column)
      }
      var table = TableDescription(name: name, columns: columns)
      table.isWritable = writable.contains("/" + definition.name)
      tables[name] = table
    }
    let functions = paths.map(\.name).filter { $0.hasPrefix("/rpc/") }.map {
      String($0.dropFirst("/rpc/".count))
    }
    catalogue = Catalogue(tables: tables, functions: Set(functions))
  }

  /// What PostgREST appends to a column's comment. The comment is the user's and may hold anything, so the note
  /// counts only at the end of the text, after the last `Note:` line, and only in its exact words.
  struct Note: Hashable {
    private(set) var isPrimaryKey = false
    private(set) var references: Column.Reference?

    /// Bytes are compared, not characters: a comment that ends with a carriage return must hide nothing.
    init(_ description: String) {
      var text = Array(description.utf8)[...]
      guard let start = Self.lastNote(in: text) else { return }
      text = text[start...]
      let key = Array("This is a Primary Key.<pk/>".utf8)
      var isPrimaryKey = false
      if text.starts(with: key) {
        text = text.dropFirst(key.count)
        isPrimaryKey = true
        if text.isEmpty {
          self.isPrimaryKey = true
          return
        }
        guard text.first == UInt8(ascii: "\n") else { return }
        text = text.dropFirst()
      }
      guard let reference = Self.reference(text) else { return }
      references = reference
      self.isPrimaryKey = isPrimaryKey
    }

    /// The end of the line `Note:` at the text's start, or after the blank line that follows a comment.
    private static func lastNote(in text: ArraySlice<UInt8>) -> Int? {
      let head = Array("Note:\n".utf8)
      if let last = text.ranges(of: Array("\n\n".utf8) + head).last { return last.upperBound }
      return text.starts(with: head) ? text.startIndex + head.count : nil
    }

    /// ``This is a Foreign Key to `parents.id`.<fk table='parents' column='id'/>``: where names hold quotes
    /// themselves, the two spellings of them must agree.
    private static func reference(_ text: ArraySlice<UInt8>) -> Column.Reference? {
      let head = Array("This is a Foreign Key to `".utf8)
      let end = Array("'/>".utf8)
      guard text.starts(with: head), text.suffix(end.count).elementsEqual(end) else { return nil }
      let body = text.dropFirst(head.count).dropLast(end.count)
      for mark in body.ranges(of: Array("`.<fk table='".utf8)) {
        let spelled = body[..<mark.lowerBound]
        let names = body[mark.upperBound...]
        for gap in names.ranges(of: Array("' column='".utf8)) {
          let table = names[..<gap.lowerBound]
          let column = names[gap.upperBound...]
          if spelled.elementsEqual(table + [UInt8(ascii: ".")] + column) {
            return Column.Reference(
              table: String(decoding: table, as: UTF8.self),
              column: String(decoding: column, as: UTF8.self))
          }
        }
      }
      return nil
    }
  }
}
