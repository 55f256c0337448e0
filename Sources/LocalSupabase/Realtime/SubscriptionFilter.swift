/// One condition of a subscription's filter: `column=op.value`.
struct SubscriptionFilter: Hashable, Sendable {
  var column: String
  var comparison: String
  /// For `in` an array literal, `{a,b}`; else as sent, without quotes around it.
  var value: String
  var isNegated = false

  /// What follows "Error parsing `filter` params: ".
  struct Refusal: Error, Hashable, Sendable {
    var text: String
  }

  private static let comparisons = [
    "eq", "neq", "lt", "lte", "gt", "gte", "in", "like", "ilike", "is", "match", "imatch",
    "isdistinct",
  ]

  /// The conditions of a whole filter, which all must hold; none for blanks.
  static func parse(_ text: String) throws(Refusal) -> [SubscriptionFilter] {
    let trimmed = trim(text[...])
    guard !trimmed.isEmpty else { return [] }
    var filters: [SubscriptionFilter] = []
    for part in split(trimmed) { filters.append(try condition(part)) }
    return filters
  }

  private static func condition(_ part: Substring) throws(Refusal) -> SubscriptionFilter {
    let part = trim(part)
    guard !part.isEmpty else {
      throw Refusal(text: "filter must not contain empty segments (check for extra commas)")
    }
    let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard sides.count == 2 else { throw refusal(of: sides) }
    let isNegated = sides[1].hasPrefix("not.")
    let words = (isNegated ? sides[1].dropFirst(4) : sides[1])
      .split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2, comparisons.contains(String(words[0])) else {
      throw refusal(of: words)
    }
    var filter = SubscriptionFilter(
      column: String(sides[0]), comparison: String(words[0]), value: String(words[1]),
      isNegated: isNegated)
    if filter.comparison == "in" {
      guard words[1].utf8.count >= 2, words[1].hasPrefix("("), words[1].hasSuffix(")") else {
        throw Refusal(text: "`in` filter value must be wrapped by parentheses")
      }
      filter.value = "{\(words[1].dropFirst().dropLast())}"
    } else {
      filter.value = unquoted(words[1]) ?? filter.value
    }
    return filter
  }

  private static func refusal(of words: [Substring]) -> Refusal {
    Refusal(text: ElixirText.list(words.map { .string(String($0)) }).text)
  }

  /// Cuts at commas outside parentheses and quotes. A quote opens only where a value or an element of a list begins.
  private static func split(_ text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var depth = 0
    var isQuoted = false
    var previous: Character?
    var i = text.startIndex
    while i < text.endIndex {
      let character = text[i]
      let next = text.index(after: i)
      switch character {
      case "\\" where isQuoted && next < text.endIndex: i = next
      case "\"" where isQuoted: isQuoted = false
      case _ where isQuoted: break
      case "\"":
        if let previous, ".(,".contains(previous) { isQuoted = true }
      case "(": depth += 1
      case ")": depth = max(0, depth - 1)
      case "," where depth == 0:
        parts.append(text[start..<i])
        start = next
        previous = nil
        i = next
        continue
      default: break
      }
      previous = text[i]
      i = text.index(after: i)
    }
    parts.append(text[start...])
    return parts
  }

  /// nil where the value is not one quoted text.
  private static func unquoted(_ value: Substring) -> String? {
    guard value.first == "\"" else { return nil }
    var text = ""
    var rest = value.dropFirst()
    while let character = rest.popFirst() {
      if character == "\"" { return rest.isEmpty ? text : nil }
      if character == "\\" {
        guard let escaped = rest.popFirst() else { return nil }
        text.append(escaped)
      } else {
        text.append(character)
      }
    }
    return nil
  }

  private static func trim(_ text: Substring) -> Substring {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}

extension SubscriptionFilter {
  /// As the server's messages show it.
  var shown: ElixirText {
    .tuple([
      .string(column), .string(comparison), .string(value), .word(isNegated ? "true" : "false"),
    ])
  }

  /// The condition in SQL.
  ///
  /// - Parameters:
  ///   - value: an expression of the column's type.
  ///   - type: the column's type as `regtype` writes it.
  func sql(_ value: String, type: String) -> String {
    let literal = PostgresConnection.literal(self.value)
    switch comparison {
    case "is":
      return "(\(value)) is \(isNegated ? "not " : "")\(self.value)"
    case "isdistinct":
      return "(\(value)) is \(isNegated ? "not " : "")distinct from \(literal)::\(type)"
    default: break
    }
    let operators = [
      "eq": "=", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "= any",
      "like": "like", "ilike": "ilike", "match": "~", "imatch": "~*",
    ]
    let symbol = operators[comparison] ?? "="
    let other = "(\(literal)::\(type)\(comparison == "in" ? "[]" : ""))"
    return "\(isNegated ? "not " : "")((\(value)) \(symbol) \(other))"
  }

  /// What `is` can be followed by.
  static let keywords = ["null", "true", "false", "unknown"]
}
