/// One column of `select=`.
struct SelectItem {
  /// nil: `*`.
  var field: Field?
  var cast: String?
  var alias: String?
}

struct OrderTerm {
  var field: Field
  var direction: String?
  var nulls: String?
}

extension Grammar {
  mutating func selectItems() throws(Mismatch) -> [SelectItem] {
    if isAtEnd { return [] }
    return try separated(by: ",") { (grammar) throws(Mismatch) in
      grammar.skipBlanks()
      let item = try grammar.selectItem()
      grammar.skipBlanks()
      return item
    }
  }

  private mutating func selectItem() throws(Mismatch) -> SelectItem {
    expect("\"...\"")
    if next == "*" {
      advance()
      return SelectItem()
    }
    let alias = attempt { (grammar) throws(Mismatch) in
      let name = try grammar.name()
      guard grammar.next == ":", !grammar.starts(with: "::") else { throw Mismatch() }
      grammar.advance()
      return name
    }
    let start = position
    do throws(Mismatch) {
      var item = SelectItem(field: try field(), alias: alias)
      if accept("::") {
        item.cast = identifier()
      }
      if isAtEnd || next == "," { return item }
      expect("\")\"")
      expect("\",\"")
      expectEnd()
      throw mismatch()
    } catch {
      position = start
      expect("\"*\"")
      throw error
    }
  }

  mutating func orderTerms() throws(Mismatch) -> [OrderTerm] {
    try separated(by: ",") { (grammar) throws(Mismatch) in
      grammar.skipBlanks()
      let term = try grammar.orderTerm()
      grammar.skipBlanks()
      return term
    }
  }

  private mutating func orderTerm() throws(Mismatch) -> OrderTerm {
    var term = OrderTerm(field: try field())
    let start = position
    term.direction = word([("asc", "ASC"), ("desc", "DESC")])
    term.nulls = word([("nullsfirst", "NULLS FIRST"), ("nullslast", "NULLS LAST")])
    if isAtEnd || next == "," { return term }
    if position == start, next == "." { throw mismatch() }
    expect("\",\"")
    expectEnd()
    throw mismatch()
  }

  private mutating func word(_ words: [(String, String)]) -> String? {
    let start = position
    guard next == "." else {
      expect("delimiter (.)")
      return nil
    }
    advance()
    for (word, sql) in words where accept(word) { return sql }
    position = start
    return nil
  }

  mutating func names() throws(Mismatch) -> [String] {
    let names = try separated(by: ",") { (grammar) throws(Mismatch) in
      grammar.skipBlanks()
      let name = try grammar.name()
      grammar.skipBlanks()
      return name
    }
    return names
  }
}
