import JSON
import Mirror
import Supabase

extension MemoryProject {
  func installDigests() {
    functions.formUnion([
      "sync_digest_parts", "sync_digest_sums", "sync_digest_rows", "sync_digest_form",
    ])
  }

  /// The digest functions, as the migration's answer.
  func digest(_ function: String, _ arguments: JSONNode) throws(PostgRESTError) -> [UInt8] {
    if function == "sync_digest_form" { return Array("\"\(digestForm)\"".utf8) }
    guard let schema = arguments["schema_name"]?.string, let name = arguments["table_name"]?.string,
      let table = tables[TableName(schema: schema, name: name)]
    else { throw error(400, "42501") }
    let columns = arguments["columns"]!.array!.map { table.index($0.string!) }
    let sorted = table.select(
      ReadQuery(table: table.name, columns: table.key, order: table.key, limit: .max), cap: nil)
    /// The first row above a key.
    func place(above key: JSONNode) -> Int {
      let isAfter = table.condition(.after(columns: table.key, values: key.tokens))
      var low = 0
      var high = sorted.count
      while low < high {
        let middle = (low + high) / 2
        if isAfter(sorted[middle]) { high = middle } else { low = middle + 1 }
      }
      return low
    }
    func rows(_ lower: JSONNode, _ upper: JSONNode, most: Int = .max) -> ArraySlice<MemoryTable.Row>
    {
      let start = lower.isNull ? 0 : place(above: lower)
      let end = upper.isNull ? sorted.count : place(above: upper)
      return sorted[start..<max(start, end)].prefix(most)
    }
    func digest(_ rows: some Sequence<MemoryTable.Row>) -> String {
      var count = 0
      var sum = 0
      for row in rows {
        count += 1
        sum &+= columns.map { row[$0] }.hashValue
      }
      return "\(count), \(sum)"
    }
    let answer: [String]
    switch function {
    case "sync_digest_parts":
      let size = arguments["part_rows"]!.int!
      let most = arguments["most_rows"]!.int!
      answer = arguments["ranges"]!.array!.map { range in
        let found = rows(range.array![0], range.array![1], most: most)
        let parts = stride(from: found.startIndex, to: found.endIndex, by: size).map { start in
          let part = found[start..<min(start + size, found.endIndex)]
          let key = table.key.map { part.last![table.index($0)].text }.joined(separator: ", ")
          return "[\(part.count == size ? "[\(key)]" : "null"), \(digest(part))]"
        }
        return "[\(parts.joined(separator: ", "))]"
      }
    case "sync_digest_sums":
      answer = arguments["chains"]!.array!.flatMap { chain in
        zip(chain.array!, chain.array!.dropFirst()).map { "[\(digest(rows($0, $1)))]" }
      }
    case "sync_digest_rows":
      answer = arguments["row_keys"]!.array!.map { key in
        "[\(digest([table.rows[RowKey(key.tokens)]].compactMap { $0 }))]"
      }
    default: throw error(404, "PGRST202")
    }
    return Array("[\(answer.joined(separator: ", "))]".utf8)
  }
}

extension JSONNode {
  fileprivate var tokens: [JSONToken] {
    array!.map { node in
      switch node.value {
      case .number(let digits): JSONToken(bytes: Array(digits.utf8))
      case .string(let string): JSONToken(string: string)
      case .bool(let bool): raw("\(bool)")
      default: .null
      }
    }
  }
}
