import JSON

/// What a binding asks for, read but not yet held against the database.
struct SubscriptionParameters: Hashable, Sendable {
  /// `*`, `INSERT`, `UPDATE` or `DELETE`.
  var action: String
  var schema: String
  var table: String
  var filters: [SubscriptionFilter]
  var select: [String]?

  /// The message of the `system` error.
  struct Refusal: Error, Hashable, Sendable {
    var message: String
  }

  /// - Throws: what the server says of a binding that it cannot read.
  init(_ subscription: Subscription) throws(Refusal) {
    let params = subscription.params.flatMap { try? JSONNode(parsing: $0) }
    if subscription.select == nil, params?["select"]?.string != nil {
      throw Refusal(
        message: "Error parsing `select` params: expected a list of column name strings, "
          + "e.g. select: [\"col1\", \"col2\"]")
    }
    let action = subscription.event.uppercased()
    self.action = ["INSERT", "UPDATE", "DELETE"].contains(action) ? action : "*"
    select = subscription.select?.isEmpty == true ? nil : subscription.select
    filters = []

    // A member that is there but no text fits no form, not even as if it were absent.
    let isOdd = ["schema", "table", "filter"].contains { name in
      params?[name].map { $0.string == nil } ?? false
    }
    switch (subscription.schema, subscription.table, subscription.filter) {
    case _ where isOdd: throw Self.nothingAsked(subscription, params)
    case (let schema?, let table?, let filter):
      self.schema = schema
      self.table = table
      do {
        filters = try SubscriptionFilter.parse(filter ?? "")
      } catch {
        throw Refusal(message: "Error parsing `filter` params: \(error.text)")
      }
    case (let schema?, nil, nil):
      self.schema = schema
      table = "*"
    case (nil, let table?, nil):
      schema = "public"
      self.table = table
    default: throw Self.nothingAsked(subscription, params)
    }
    if select != nil, schema == "*" || table == "*" {
      throw Refusal(
        message: "Column selection is not supported for wildcard subscriptions. "
          + "Provide an explicit schema and table name.")
    }
  }

  private static func nothingAsked(_ subscription: Subscription, _ params: JSONNode?) -> Refusal {
    let shown: ElixirText
    if let params {
      shown = ElixirText(params)
    } else {
      let members = [
        ("event", subscription.event), ("filter", subscription.filter),
        ("schema", subscription.schema), ("table", subscription.table),
      ]
      shown = .map(
        members.compactMap { name, value in value.map { (name, ElixirText.string($0)) } })
    }
    return Refusal(
      message: "No subscription params provided. Please provide at least a `schema` or `table` "
        + "to subscribe to: \(shown.text)")
  }

  /// As the server's messages show it.
  var shown: String {
    let filters = ElixirText.list(filters.map(\.shown)).text
    let select = self.select.map { .list($0.map { .string($0) }) } ?? ElixirText.word("nil")
    return "[event: \(action), schema: \(schema), table: \(table), filters: \(filters), "
      + "select: \(select.text)]"
  }
}
