import JSON

/// The bindings of one joined channel: which row changes are its own.
struct ChannelBindings: Hashable {
  let tables: [FeedTable]
  /// As the join's reply gave them. They depend on the binding's words only, so they are the same in every join.
  let ids: Set<Int>
}

extension RealtimeFrame {
  /// The row change in a `postgres_changes` message. Of the row only the asked-for columns are looked at.
  func change(for bindings: ChannelBindings) throws(Unreadable) -> FeedChange {
    guard let envelope = payload(["ids", "data"]), let data = envelope[1],
      let ids = envelope[0].flatMap({ document.elements(of: $0) }),
      let parts = document.values(
        of: ["schema", "table", "type", "commit_timestamp", "errors", "record", "old_record"],
        in: data),
      let schema = parts[0].flatMap({ document.string(at: $0) }),
      let name = parts[1].flatMap({ document.string(at: $0) }),
      let kind = parts[2].flatMap({ document.string(at: $0) }).flatMap(FeedChange.Kind.init)
    else { throw Unreadable(oddity: .unreadableChange) }
    let isOurs = ids.contains { part in
      document.integer(at: part).map { bindings.ids.contains($0) } ?? false
    }
    guard isOurs else { throw Unreadable(oddity: .foreignChange) }
    guard
      let table = bindings.tables.first(where: {
        same($0.name.name, name) && same($0.name.schema, schema)
      })
    else { throw Unreadable(oddity: .otherTable) }
    return FeedChange(
      table: table.name, kind: kind,
      key: kind == .delete ? nil : tokens(of: table.columns, in: parts[5]),
      oldKey: kind == .insert ? nil : tokens(of: table.columns, in: parts[6]),
      commitTime: parts[3].flatMap { document.string(at: $0) }.flatMap(microseconds(ofUTC:)),
      hasErrors: parts[4].map { !isNothing($0) } ?? false)
  }

  /// nil where one is missing: a record over the limit, a replica identity without the key, no privilege.
  private func tokens(of columns: [String], in record: Range<Int>?) -> [JSONToken]? {
    guard let record, let values = document.values(of: columns, in: record) else { return nil }
    var tokens: [JSONToken] = []
    for value in values {
      guard let value else { return nil }
      tokens.append(document.token(at: value))
    }
    return tokens
  }

  /// `errors` is null or a list; an empty one says nothing either.
  private func isNothing(_ part: Range<Int>) -> Bool {
    document.isNull(at: part) || document.elements(of: part, limit: 1)?.isEmpty == true
  }
}

extension FeedChange.Kind {
  /// The word on the wire.
  fileprivate init?(_ word: String) {
    switch word {
    case "INSERT": self = .insert
    case "UPDATE": self = .update
    case "DELETE": self = .delete
    default: return nil
    }
  }
}

/// Microseconds since 1970 of `2026-03-01T10:20:30.456Z`, cut to whole milliseconds; nil for text of another form.
func microseconds(ofUTC text: String) -> Int64? {
  let text = Array(text.utf8)
  guard text.count >= 20, text.count <= 32, text[text.count - 1] == UInt8(ascii: "Z"),
    text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), text[10] == UInt8(ascii: "T"),
    text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":")
  else { return nil }
  func number(_ range: Range<Int>) -> Int64? {
    var number: Int64 = 0
    for byte in text[range] {
      guard byte &- UInt8(ascii: "0") < 10 else { return nil }
      number = number * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return number
  }
  guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
    let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
    (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
  else { return nil }
  var milliseconds: Int64 = 0
  if text.count > 20 {
    let digits = text.count - 21
    guard text[19] == UInt8(ascii: "."), digits > 0, number(20..<20 + digits) != nil,
      let shown = number(20..<20 + min(digits, 3))
    else { return nil }
    milliseconds = shown * (digits == 1 ? 100 : digits == 2 ? 10 : 1)
  }
  let seconds = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
  return (seconds * 1_000 + milliseconds) * 1_000
}

/// Days since 1970-01-01 in the Gregorian calendar, for years from 0: years begin in March, so that the day that
/// leap years add is their last one.
private func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
  let year = month > 2 ? year : year - 1
  let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  let era = year >= 0 ? year / 400 : (year - 399) / 400
  let yearOfEra = year - era * 400
  return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}
