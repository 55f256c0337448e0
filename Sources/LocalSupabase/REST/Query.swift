/// The parameters of a request for rows.
struct Query {
  var select: [SelectItem] = []
  var conditions: [Condition] = []
  var order: [OrderTerm] = []
  var columns: [String]?
  var conflict: [String]?
  /// What is left, in order: a function's arguments.
  var arguments: [(name: String, value: String)] = []

  /// - Parameter isCall: parameters that hold no operator are a function's arguments.
  init(_ string: QueryString, isCall: Bool = false) throws(RequestError) {
    for parameter in string.parameters {
      guard let value = parameter.value, Self.lastPart(parameter.name) == "order" else { continue }
      try Self.checkPath(parameter.name)
      order += try Self.parse(value, "order (\(value))") { (grammar) throws(Grammar.Mismatch) in
        try grammar.orderTerms()
      }
    }
    for parameter in string.parameters {
      guard let value = parameter.value else { continue }
      let word = Self.lastPart(parameter.name)
      guard word == "and" || word == "or" else { continue }
      let parts = parameter.name.split(separator: ".").map(String.init)
      let prefix = parts.dropLast().contains("not") ? "not." : ""
      try Self.checkPath(
        parts.dropLast().filter { $0 != "not" }.joined(separator: ".") + ".x")
      let text = prefix + word + value
      conditions.append(
        try Self.parse(text, "logic tree (\(value))") { (grammar) throws(Grammar.Mismatch) in
          try grammar.condition()
        })
    }
    if let text = string["columns"] {
      columns = try Self.parse(text, "columns parameter (\(text))") {
        (grammar) throws(Grammar.Mismatch) in try grammar.names()
      }
    }
    let text = string["select"] ?? "*"
    select = try Self.parse(text, "select parameter (\(text))") {
      (grammar) throws(Grammar.Mismatch) in try grammar.selectItems()
    }
    try addFilters(string, isCall: isCall)
    if let text = string["on_conflict"] {
      conflict = try Self.parse(text, "on_conflict parameter (\(text))") {
        (grammar) throws(Grammar.Mismatch) in try grammar.names()
      }
    }
  }

  private mutating func addFilters(_ string: QueryString, isCall: Bool) throws(RequestError) {
    for parameter in string.parameters {
      guard let value = parameter.value,
        !["select", "columns", "on_conflict"].contains(parameter.name),
        !["order", "limit", "offset", "and", "or"].contains(Self.lastPart(parameter.name))
      else { continue }
      var grammar = Grammar(value)
      let operation: (isNegated: Bool, Filter.Operation)
      do {
        operation = try grammar.operation { (grammar) throws(Grammar.Mismatch) in grammar.rest() }
      } catch {
        guard isCall else { throw grammar.failure("filter (\(value))") }
        arguments.append((parameter.name, value))
        continue
      }
      let (path, field) = try Self.parse(
        parameter.name, "tree path (\(parameter.name))"
      ) { (grammar) throws(Grammar.Mismatch) in
        let names = try grammar.separated(by: ".") { (grammar) throws(Grammar.Mismatch) in
          try grammar.name()
        }
        return (
          Array(names.dropLast()), Field(column: names[names.count - 1], path: try grammar.path())
        )
      }
      if let first = path.first { throw Self.notEmbedded(first) }
      conditions.append(
        .filter(Filter(field: field, isNegated: operation.isNegated, operation: operation.1)))
    }
  }

  private static func checkPath(_ name: String) throws(RequestError) {
    let parts = name.split(separator: ".")
    if parts.count > 1, let first = parts.first { throw notEmbedded(String(first)) }
  }

  private static func notEmbedded(_ name: String) -> RequestError {
    RequestError(
      400, "PGRST108", "'\(name)' is not an embedded resource in this request",
      hint: "Verify that '\(name)' is included in the 'select' query parameter.")
  }

  private static func lastPart(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init) ?? ""
  }

  private static func parse<Result>(
    _ text: String, _ what: String,
    _ body: (inout Grammar) throws(Grammar.Mismatch) -> Result
  ) throws(RequestError) -> Result {
    var grammar = Grammar(text)
    do { return try body(&grammar) } catch { throw grammar.failure(what) }
  }
}
