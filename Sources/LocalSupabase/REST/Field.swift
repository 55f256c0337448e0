/// A column, or a place inside its JSON.
struct Field: Hashable {
  enum Step: Hashable {
    /// `->` and `->>` with a name or an index.
    case name(String, asText: Bool)
    case index(String, asText: Bool)

    var asText: Bool {
      switch self {
      case .name(_, let asText), .index(_, let asText): asText
      }
    }
  }

  var column: String
  var path: [Step] = []

  /// What the field is called in an answer if it has no alias: the last name of its path.
  var outputName: String? {
    guard !path.isEmpty else { return nil }
    for step in path.reversed() {
      if case .name(let name, _) = step { return name }
    }
    return column
  }
}

extension Grammar {
  static let fieldName = "field name (* or [a..z0..9_$])"

  /// In double quotes, or letters, digits, `_`, `$`, blanks and single dashes.
  mutating func name() throws(Mismatch) -> String {
    if next == "\"" { return try quoted() }
    guard let first = next, first.isIdentifier else {
      expect(Self.fieldName)
      throw mismatch()
    }
    var parts = [identifier()]
    while next == "-" && !starts(with: "->") {
      let start = self
      advance()
      guard let scalar = next, scalar.isIdentifier else {
        self = start
        break
      }
      parts.append(identifier())
    }
    if next != "-" { expect("\"-\"") }
    return parts.joined(separator: "-")
  }

  /// Letters, digits, `_`, `$` and blanks; blanks around them do not count.
  mutating func identifier() -> String {
    let text = take { $0.isIdentifier }
    expect("letter")
    expect("digit")
    return text.trimmingBlanks()
  }

  mutating func quoted() throws(Mismatch) -> String {
    try require("\"")
    var text = String.UnicodeScalarView()
    while let scalar = next, scalar != "\"" {
      advance()
      guard scalar == "\\" else {
        text.append(scalar)
        continue
      }
      guard let escaped = next else { throw mismatch() }
      text.append(escaped)
      advance()
    }
    if isAtEnd { expect("\"\\\\\"") }
    try require("\"")
    return String(text)
  }

  mutating func field() throws(Mismatch) -> Field {
    skipBlanks()
    var field = Field(column: try name())
    field.path = try path()
    skipBlanks()
    return field
  }

  mutating func path() throws(Mismatch) -> [Field.Step] {
    var steps: [Field.Step] = []
    while true {
      let asText: Bool
      if accept("->>") { asText = true } else if accept("->") { asText = false } else { break }
      if let index = attempt({ (grammar) throws(Mismatch) in try grammar.index() }) {
        steps.append(.index(index, asText: asText))
      } else {
        steps.append(.name(try name(), asText: asText))
      }
    }
    return steps
  }

  private mutating func index() throws(Mismatch) -> String {
    let sign = accept("-") ? "-" : ""
    let digits = take { ("0"..."9").contains($0) }
    let isEnd =
      isAtEnd || ["->", "::", ".", ",", ")"].contains { starts(with: $0) }
    guard !digits.isEmpty, isEnd else { throw mismatch() }
    return sign + digits
  }
}

extension Unicode.Scalar {
  /// What can stand in a name without quotes.
  var isIdentifier: Bool {
    switch self {
    case "a"..."z", "A"..."Z", "0"..."9", "_", " ", "$": true
    default:
      !isASCII
        && (properties.isAlphabetic && !properties.generalCategory.isMark
          || properties.generalCategory.isDigit)
    }
  }
}

extension Unicode.GeneralCategory {
  fileprivate var isMark: Bool {
    self == .nonspacingMark || self == .spacingMark || self == .enclosingMark
  }
  fileprivate var isDigit: Bool { self == .decimalNumber }
}

extension String {
  func trimmingBlanks() -> String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
