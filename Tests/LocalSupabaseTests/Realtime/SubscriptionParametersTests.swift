import Testing

@testable import LocalSupabase

@Suite struct SubscriptionParametersTests {
  typealias Filter = SubscriptionFilter

  @Test(arguments: [
    ("", []), ("  ", []),
    ("id=eq.1", [Filter(column: "id", comparison: "eq", value: "1")]),
    ("a=not.like.x%", [Filter(column: "a", comparison: "like", value: "x%", isNegated: true)]),
    (
      "a=in.(1,2), b=lt.3",
      [
        Filter(column: "a", comparison: "in", value: "{1,2}"),
        Filter(column: "b", comparison: "lt", value: "3"),
      ]
    ),
    (#"a=eq."x,y""#, [Filter(column: "a", comparison: "eq", value: "x,y")]),
    (#"a=eq."say \"x\"""#, [Filter(column: "a", comparison: "eq", value: #"say "x""#)]),
    (#"a=eq.x"y"#, [Filter(column: "a", comparison: "eq", value: #"x"y"#)]),
    (#"a=in.("x)","y")"#, [Filter(column: "a", comparison: "in", value: #"{"x)","y"}"#)]),
    ("a=eq.b=eq.c", [Filter(column: "a", comparison: "eq", value: "b=eq.c")]),
    ("a=eq.1.5", [Filter(column: "a", comparison: "eq", value: "1.5")]),
  ]) func `filters are read`(_ text: String, _ expected: [Filter]) throws {
    #expect(try Filter.parse(text) == expected)
  }

  @Test(arguments: [
    ("undefined", #"["undefined"]"#), ("id=zz.1", #"["zz", "1"]"#), ("id=eq", #"["eq"]"#),
    ("id=in.1", "`in` filter value must be wrapped by parentheses"),
    ("id=eq.1,", "filter must not contain empty segments (check for extra commas)"),
  ]) func `filters that cannot be read are shown`(_ text: String, _ shown: String) {
    #expect(throws: Filter.Refusal(text: shown)) { try Filter.parse(text) }
  }

  private static func subscription(
    _ schema: String?, _ table: String?, event: String = "*", filter: String? = nil,
    select: [String]? = nil, params: String? = nil
  ) -> Subscription {
    Subscription(
      event: event, schema: schema, table: table, filter: filter, select: select, id: 1,
      params: params.map { Array($0.utf8) })
  }

  @Test func `what is left out is a wildcard or public`() throws {
    func read(_ subscription: Subscription) throws -> [String] {
      let read = try SubscriptionParameters(subscription)
      return [read.action, read.schema, read.table]
    }
    #expect(try read(Self.subscription("s", "t", event: "insert")) == ["INSERT", "s", "t"])
    #expect(try read(Self.subscription("s", nil, event: "TRUNCATE")) == ["*", "s", "*"])
    #expect(try read(Self.subscription(nil, "t")) == ["*", "public", "t"])
  }

  private static let nothing =
    "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "

  @Test(arguments: [
    (subscription(nil, nil), nothing + #"%{"event" => "*"}"#),
    (
      subscription(nil, "t", filter: "a=eq.1"),
      nothing + #"%{"event" => "*", "filter" => "a=eq.1", "table" => "t"}"#
    ),
    (
      subscription(
        "public", "t", params: #"{"event":"*","schema":"public","table":"t","filter":null}"#),
      nothing + #"%{"event" => "*", "filter" => nil, "schema" => "public", "table" => "t"}"#
    ),
    (
      subscription("public", "*", select: ["a"]),
      "Column selection is not supported for wildcard subscriptions. "
        + "Provide an explicit schema and table name."
    ),
  ]) func `what cannot be served is refused at once`(_ subscription: Subscription, _ text: String) {
    #expect(throws: SubscriptionParameters.Refusal(message: text)) {
      try SubscriptionParameters(subscription)
    }
  }
}
