/// A condition on one field.
struct Filter {
  enum Quantifier: String {
    case any = "ANY"
    case all = "ALL"
  }

  enum Operation {
    /// An SQL operator and the text to compare with.
    case compare(String, String, Quantifier?)
    case `in`([String])
    case `is`(String)
    case isDistinct(String)
    /// A function that makes a tsquery, its language, the words.
    case search(String, language: String?, String)
  }

  var field: Field
  var isNegated: Bool
  var operation: Operation
}

/// Conditions joined by AND or OR.
indirect enum Condition {
  case filter(Filter)
  case group(isNegated: Bool, isOr: Bool, [Condition])
}

extension Grammar {
  private static let comparisons = [
    "eq": "=", "neq": "<>", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<", "like": "LIKE",
    "ilike": "ILIKE", "match": "~", "imatch": "~*", "cs": "@>", "cd": "<@", "ov": "&&",
    "sl": "<<", "sr": ">>", "nxr": "&<", "nxl": "&>", "adj": "-|-",
  ]
  private static let quantifiable: Set = [
    "eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch",
  ]
  private static let searches = [
    "fts": "to_tsquery", "plfts": "plainto_tsquery", "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
  ]
  private static let anOperator = "operator (eq, gt, ...)"
  private static let delimiter = "delimiter (.)"

  /// `[not.]operator.value`; `value` reads what follows the last dot.
  mutating func operation(
    _ value: (inout Grammar) throws(Mismatch) -> String
  ) throws(Mismatch) -> (isNegated: Bool, Filter.Operation) {
    expect("\"not\"")
    let isNegated = starts(with: "not.")
    if isNegated { advance(4) }
    let start = position
    let word = take { ("a"..."z").contains($0) }
    switch word {
    case "in" where next == ".":
      advance()
      return (isNegated, .in(try list()))
    case "is" where next == ".":
      advance()
      return (isNegated, .is(try truth()))
    case "isdistinct" where next == ".":
      advance()
      return (isNegated, .isDistinct(try value(&self)))
    default: break
    }
    if let function = Self.searches[word] {
      var language: String?
      if next == "(" {
        advance()
        language = identifier()
        try require(")")
      }
      try require(".", as: Self.anOperator)
      return (isNegated, .search(function, language: language, try value(&self)))
    }
    if let sign = Self.comparisons[word] {
      var quantifier: Filter.Quantifier?
      if Self.quantifiable.contains(word) {
        if starts(with: "(any)") { quantifier = .any }
        if starts(with: "(all)") { quantifier = .all }
        if quantifier != nil { advance(5) }
      }
      try require(".", as: Self.anOperator)
      return (isNegated, .compare(sign, try value(&self), quantifier))
    }
    // The place of the complaint is behind the longest operator that the word starts with.
    position = start
    let prefix = Self.comparisons.keys.filter { starts(with: $0) }.map(\.count).max() ?? 0
    advance(prefix)
    expect(Self.anOperator)
    throw mismatch()
  }

  private mutating func truth() throws(Mismatch) -> String {
    for word in ["null", "unknown", "true", "false", "not_null"] {
      let count = word.unicodeScalars.count
      let ahead = peek(count)
      if ahead.lowercased() == word, word != "not_null" {
        advance(count)
        return word
      }
    }
    expect("null or trilean value (unknown, true, false)")
    throw mismatch()
  }

  private func peek(_ count: Int) -> String {
    var copy = self
    var text = String.UnicodeScalarView()
    while text.count < count, let scalar = copy.next {
      text.append(scalar)
      copy.advance()
    }
    return String(text)
  }

  private mutating func list() throws(Mismatch) -> [String] {
    skipBlanks()
    try require("(")
    skipBlanks()
    let values = try separated(by: ",") { (grammar) throws(Mismatch) in grammar.element() }
    skipBlanks()
    try require(")")
    skipBlanks()
    return values
  }

  /// A value between commas and parentheses, quoted if it has such signs itself.
  mutating func element() -> String {
    let quoted = attempt { (grammar) throws(Mismatch) in
      guard grammar.next == "\"" else { throw Mismatch() }
      let text = try grammar.quoted()
      guard grammar.isAtEnd || grammar.next == "," || grammar.next == ")" else { throw Mismatch() }
      return text
    }
    return quoted ?? take { $0 != "," && $0 != ")" }
  }

  /// As `element`, or an array in braces.
  mutating func logicValue() -> String {
    if next == "{" {
      let array = attempt { (grammar) throws(Mismatch) in
        grammar.advance()
        let inside = grammar.take { $0 != "{" && $0 != "}" }
        try grammar.require("}")
        return "{\(inside)}"
      }
      if let array { return array }
    }
    return element()
  }

  /// `and(…)`, `or(…)`, either with `not.` before it, or a filter.
  mutating func condition() throws(Mismatch) -> Condition {
    let start = position
    do throws(Mismatch) {
      let field = try field()
      try require(".", as: Self.delimiter)
      let (isNegated, operation) = try operation { (grammar) throws(Mismatch) in
        grammar.logicValue()
      }
      return .filter(Filter(field: field, isNegated: isNegated, operation: operation))
    } catch {
      position = start
    }
    guard depth < 500 else { throw mismatch() }
    depth += 1
    defer { depth -= 1 }
    let isNegated = starts(with: "not.")
    if isNegated { advance(4) } else { expect("negation operator (not)") }
    let isOr = starts(with: "or")
    guard isOr || starts(with: "and") else {
      expect("logic operator (and, or)")
      throw mismatch()
    }
    advance(isOr ? 2 : 3)
    skipBlanks()
    try require("(")
    skipBlanks()
    let parts = try separated(by: ",") { (grammar) throws(Mismatch) in
      grammar.skipBlanks()
      let part = try grammar.condition()
      grammar.skipBlanks()
      return part
    }
    skipBlanks()
    try require(")")
    skipBlanks()
    return .group(isNegated: isNegated, isOr: isOr, parts)
  }
}
