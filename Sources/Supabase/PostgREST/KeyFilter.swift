import JSON

/// The condition "one of these keys", in as many parts as the length of URLs demands.
///
/// One key column: `and=("id".in.(1,2))` (`flt-or-in`, `flt-codes-in-special`); several:
/// `or=(and("a".eq.1,"b".eq.2),and(…))` (`del-or-composite`).
struct KeyFilter {
  /// Without duplicates, in the order given.
  let keys: [RowKey]
  private let columns: [String]
  /// One a key: what stands between the commas.
  private let clauses: [String]

  /// - Throws: where a key cannot be named safely: no keys, no columns, a value too many or missing, a null, an
  ///   array or object, or a character that the server would cut the value at.
  init(keys: [RowKey], columns: [String]) throws(Unwritable) {
    guard !columns.isEmpty else { throw Unwritable(reason: "there are no key columns") }
    guard !keys.isEmpty else { throw Unwritable(reason: "there are no keys") }
    var seen: Set<RowKey> = []
    var unique: [RowKey] = []
    var clauses: [String] = []
    for key in keys where seen.insert(key).inserted {
      guard key.values.count == columns.count else {
        throw Unwritable(reason: "a key has another number of values than there are key columns")
      }
      unique.append(key)
      clauses.append(try Self.clause(key, columns))
    }
    self.keys = unique
    self.columns = columns
    self.clauses = clauses
  }

  private static func clause(_ key: RowKey, _ columns: [String]) throws(Unwritable) -> String {
    if columns.count == 1 { return try FilterText.literal(key.values[0]) }
    var parts: [String] = []
    for (column, value) in zip(columns, key.values) {
      parts.append(try FilterText.compared(column, "eq", value))
    }
    return "and(\(parts.joined(separator: ",")))"
  }

  /// The parameter that names the keys of `range`, which must not be empty.
  func parameter(_ range: Range<Int>) throws(Unwritable) -> (name: String, value: String) {
    precondition(!range.isEmpty, "a filter for no keys would match every row")
    let list = clauses[range].joined(separator: ",")
    if columns.count > 1 { return ("or", "(\(list))") }
    return ("and", "(\(try QueryString.quoted(name: columns[0])).in.(\(list)))")
  }

  /// Consecutive ranges of keys, each of at most `atMost` and with a parameter of at most `bytes`,
  /// percent-encoded, name and `&` included.
  func parts(bytes: Int, atMost: Int) throws(Unwritable) -> [Range<Int>] {
    let frame = 2 + percentEncoded(try parameter(0..<1).value).utf8.count + 3
    let base = frame - percentEncoded(clauses[0]).utf8.count
    var parts: [Range<Int>] = []
    var start = 0
    var size = base
    for (i, clause) in clauses.enumerated() {
      let length = percentEncoded(clause).utf8.count + 1
      guard base + length <= bytes else {
        throw Unwritable(reason: "a key is too long for a URL of the length that is allowed")
      }
      if i > start, size + length > bytes || i - start >= max(1, atMost) {
        parts.append(start..<i)
        start = i
        size = base
      }
      size += length
    }
    parts.append(start..<clauses.count)
    return parts
  }
}
