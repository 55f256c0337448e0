import JSON

/// Asks, as the roles and with the claims of subscribers, whether rows are there to be seen now.
struct RowVisibility: Sendable {
  /// One question.
  struct Place: Hashable, Sendable {
    fileprivate var claims: SubscriptionClaims
    fileprivate var index: Int
  }

  struct Answers: Sendable {
    fileprivate var visible: Set<Place> = []

    subscript(place: Place) -> Bool { visible.contains(place) }
  }

  /// Beyond it, a statement grows faster than what it saves.
  private static let chunk = 500

  private var conditions: [SubscriptionClaims: [String]] = [:]

  /// - Parameter key: the primary key's columns with their values' text.
  mutating func ask(
    _ table: ChangeCatalogue.Name, key: [(column: String, value: String)],
    as claims: SubscriptionClaims
  ) -> Place {
    let equations = key.map {
      "\(Self.identifier($0.column)) = \(PostgresConnection.literal($0.value))"
    }
    conditions[claims, default: []].append(
      "exists(select from \(Self.identifier(table.schema)).\(Self.identifier(table.table)) "
        + "where \(equations.joined(separator: " and ")))")
    return Place(claims: claims, index: conditions[claims, default: []].count - 1)
  }

  /// - Throws: also for a policy that fails.
  func run(_ connection: PostgresConnection) throws(PostgresError) -> Answers {
    var answers = Answers()
    for (claims, conditions) in conditions {
      for start in stride(from: 0, to: conditions.count, by: Self.chunk) {
        let chunk = conditions[start..<min(start + Self.chunk, conditions.count)]
        let rows = chunk.enumerated().map { "(\(start + $0), \($1))" }
        // One transaction, with which the role and the claims end.
        let result = try connection.run(
          script: """
            select set_config('role', \(PostgresConnection.literal(claims.role)), true),
              set_config('request.jwt.claims', \(PostgresConnection.literal(claims.json)), true);
            select place from (values \(rows.joined(separator: ", "))) x(place, is_visible)
            where is_visible
            """)
        for row in 0..<result.rowCount {
          guard let index = result.string(row, 0).flatMap({ Int($0) }) else { continue }
          answers.visible.insert(Place(claims: claims, index: index))
        }
      }
    }
    return answers
  }

  private static func identifier(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }
}
