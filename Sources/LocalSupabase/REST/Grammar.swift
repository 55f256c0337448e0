/// A text of PostgREST's query grammar while it is read. It remembers what would have been accepted at the
/// furthest place that was reached, because PostgREST answers with that.
struct Grammar {
  /// The text does not match; `failure(_:)` tells how.
  struct Mismatch: Error {}

  private let scalars: [Unicode.Scalar]
  var position = 0
  /// How many groups are open; a stack holds only so many.
  var depth = 0
  private var furthest = 0
  private var expected: [String] = []
  private var expectsEnd = false

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }
  var isAtEnd: Bool { position == scalars.count }

  func starts(with word: String) -> Bool {
    var i = position
    for scalar in word.unicodeScalars {
      guard i < scalars.count, scalars[i] == scalar else { return false }
      i += 1
    }
    return true
  }

  /// The rest of the text.
  mutating func rest() -> String { take { _ in true } }

  mutating func take(while matches: (Unicode.Scalar) -> Bool) -> String {
    var text = String.UnicodeScalarView()
    while let scalar = next, matches(scalar) {
      text.append(scalar)
      position += 1
    }
    return String(text)
  }

  mutating func advance(_ count: Int = 1) { position = min(position + count, scalars.count) }

  mutating func skipBlanks() { _ = take { $0 == " " || $0 == "\t" } }

  /// Notes that `what` could stand here.
  mutating func expect(_ what: String) {
    if position > furthest {
      furthest = position
      expected = []
      expectsEnd = false
    }
    guard position == furthest else { return }
    if !expected.contains(what) { expected.append(what) }
  }

  /// Notes that the text could end here.
  mutating func expectEnd() {
    expect("end of input")
    if position == furthest { expectsEnd = true }
  }

  func mismatch() -> Mismatch { Mismatch() }

  /// Takes `word` if it stands here.
  mutating func accept(_ word: String, as label: String? = nil) -> Bool {
    guard starts(with: word) else {
      expect(label ?? Self.shown(word))
      return false
    }
    advance(word.unicodeScalars.count)
    return true
  }

  mutating func require(_ word: String, as label: String? = nil) throws(Mismatch) {
    guard accept(word, as: label) else { throw Mismatch() }
  }

  /// Tries `body` from here; where it does not match, nothing was read nor noted.
  mutating func attempt<Result>(
    _ body: (inout Grammar) throws(Mismatch) -> Result
  ) -> Result? {
    let before = self
    if let result = try? body(&self) { return result }
    self = before
    return nil
  }

  /// As `attempt`, but what was expected stays noted.
  mutating func attemptNoting<Result>(
    _ body: (inout Grammar) throws(Mismatch) -> Result
  ) -> Result? {
    let start = position
    if let result = try? body(&self) { return result }
    position = start
    return nil
  }

  mutating func separated<Result>(
    by separator: String, _ part: (inout Grammar) throws(Mismatch) -> Result
  ) throws(Mismatch) -> [Result] {
    var parts = [try part(&self)]
    while accept(separator) { parts.append(try part(&self)) }
    return parts
  }

  /// The refusal of the whole text, in PostgREST's words.
  func failure(_ what: String) -> RequestError {
    var details: String
    if furthest < scalars.count {
      let scalar = String(scalars[furthest])
      details = expectsEnd ? "unexpected '\(scalar)'" : "unexpected \(Self.shown(scalar))"
    } else {
      details = "unexpected end of input"
    }
    if let last = expected.last {
      let others = expected.dropLast()
      details += " expecting "
      details += others.isEmpty ? last : others.joined(separator: ", ") + " or " + last
    }
    return .unparsable(what, column: furthest + 1, details: details)
  }

  private static func shown(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": shown += "\\\""
      case "\\": shown += "\\\\"
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown + "\""
  }
}
