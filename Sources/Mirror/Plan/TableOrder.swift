package import Supabase

/// Parents before children, by foreign keys.
package enum TableOrder {
  /// The tables in levels: a table stands in a later level than every table it refers to. Tables that refer to
  /// each other in a circle share a level; a reference to itself does not count.
  package static func levels(
    _ tables: [TableName], references: [TableName: Set<TableName>]
  ) -> [[TableName]] {
    let known = Set(tables)
    var reaches: [TableName: Set<TableName>] = [:]
    for table in tables { reaches[table] = reachable(from: table, references, within: known) }
    var depth: [TableName: Int] = [:]
    // A table's depth is the longest way to a table that refers to nothing, circles counted as one step.
    func depthOf(_ table: TableName) -> Int {
      if let known = depth[table] { return known }
      let circle = circleOf(table)
      let parents = Set(circle.flatMap { references[$0] ?? [] }).intersection(known)
        .subtracting(circle)
      let result = (parents.map(depthOf).max() ?? -1) + 1
      for member in circle { depth[member] = result }
      return result
    }
    func circleOf(_ table: TableName) -> Set<TableName> {
      Set(reaches[table]!.filter { reaches[$0]!.contains(table) }).union([table])
    }
    let depths = tables.map(depthOf)
    return (0...(depths.max() ?? 0)).map { level in
      zip(tables, depths).filter { $0.1 == level }.map(\.0)
    }.filter { !$0.isEmpty }
  }

  /// The tables that refer to themselves, or to each other in a circle.
  package static func circular(
    _ tables: [TableName], references: [TableName: Set<TableName>]
  ) -> Set<TableName> {
    let known = Set(tables)
    return known.filter { table in
      references[table]?.contains(table) == true
        || reachable(from: table, references, within: known).contains(table)
    }
  }

  private static func reachable(
    from table: TableName, _ references: [TableName: Set<TableName>], within known: Set<TableName>
  ) -> Set<TableName> {
    var seen: Set<TableName> = []
    var open = [table]
    while let next = open.popLast() {
      for parent in references[next] ?? [] where known.contains(parent) && parent != next {
        if seen.insert(parent).inserted { open.append(parent) }
      }
    }
    return seen
  }
}
