/// Where a view's columns come from, read from the tree of its rule (`pg_rewrite.ev_action`).
enum ViewOrigins {
  struct Origin: Hashable, Sendable {
    var relation: UInt32
    var column: Int
  }

  /// The columns, by number, that show a column of a table or view as it is. The tree is
  /// `({QUERY … :targetList ({TARGETENTRY :expr {…} :resno 1 … :resorigtbl 16384 :resorigcol 1 …} …) …})`, where
  /// a backslash takes the meaning from the character after it.
  static func columns(ofTree tree: [UInt8]) -> [Int: Origin] {
    var columns: [Int: Origin] = [:]
    var depth = 0
    var isInTargets = false
    var fields: [String: Int] = [:]
    var key = ""
    var token: [UInt8] = []

    func endToken() {
      guard !token.isEmpty else { return }
      defer { token.removeAll(keepingCapacity: true) }
      if token[0] == UInt8(ascii: ":") {
        key = String(decoding: token, as: UTF8.self)
        if depth == 2 { isInTargets = key == ":targetList" }
      } else if depth == 4, isInTargets, let number = Int(String(decoding: token, as: UTF8.self)) {
        fields[key] = number
      }
    }

    var i = 0
    while i < tree.count {
      switch tree[i] {
      case UInt8(ascii: "\\"):
        token.append(UInt8(ascii: "\\"))
        i += 1
        if i < tree.count { token.append(tree[i]) }
      case UInt8(ascii: "("), UInt8(ascii: "{"):
        endToken()
        depth += 1
        if depth == 4 { fields = [:] }
      case UInt8(ascii: ")"), UInt8(ascii: "}"):
        endToken()
        if depth == 4, isInTargets, let number = fields[":resno"],
          let relation = fields[":resorigtbl"].flatMap({ UInt32(exactly: $0) }), relation != 0,
          let column = fields[":resorigcol"]
        {
          columns[number] = Origin(relation: relation, column: column)
        }
        depth -= 1
      case 0x20, 0x0A, 0x09, 0x0D: endToken()
      default: token.append(tree[i])
      }
      i += 1
    }
    return columns
  }

  /// Follows origins that are views themselves down to tables.
  static func resolved(_ views: [UInt32: [Int: Origin]]) -> [UInt32: [Int: Origin]] {
    views.mapValues { columns in
      columns.mapValues { origin in
        var origin = origin
        // Views cannot refer to each other in circles; the count guards against a damaged catalogue.
        for _ in 0..<100 {
          guard let next = views[origin.relation]?[origin.column] else { break }
          origin = next
        }
        return origin
      }
    }
  }
}
