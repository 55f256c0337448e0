import Transport

/// Which rows are asked for, by `limit` and `offset` and the header `Range`.
struct RowRange: Hashable {
  var offset = 0
  /// nil: all.
  var limit: Int?

  static let all = RowRange()
  var isAll: Bool { self == .all }

  func capped(_ maximum: Int?) -> RowRange {
    guard let maximum else { return self }
    return RowRange(offset: offset, limit: min(limit ?? maximum, maximum))
  }

  /// The overlap of parameters and header.
  ///
  /// - Throws: 416 where it is empty, unless by `limit=0`.
  init(_ parameters: [QueryString.Parameter], header: String?) throws(RequestError) {
    var limit: Int?
    var offset = 0
    for parameter in parameters {
      guard let value = parameter.value else { continue }
      if parameter.name == "limit" { limit = Int(value) }
      if parameter.name == "offset" { offset = Int(value) ?? 0 }
    }
    var first = offset
    var end: Int?
    if let limit {
      guard limit >= 0 else {
        throw Self.refusal("Limit should be greater than or equal to zero.")
      }
      end = limit > Int.max - max(offset, 0) ? nil : offset + limit
    }
    guard offset >= 0 else {
      throw Self.refusal("Limit should be greater than or equal to zero.")
    }
    if let (low, high) = header.flatMap(Self.read) {
      if let high, high < low {
        throw Self.refusal(
          "The lower boundary must be lower than or equal to the upper boundary in the Range header."
        )
      }
      first = max(first, low)
      if let high { end = min(end ?? .max, high == .max ? .max : high + 1) }
    }
    self.offset = first
    self.limit = end.map { max(0, $0 - first) }
    if self.limit == 0, limit != 0 {
      throw Self.refusal("Limit should be greater than or equal to zero.")
    }
  }

  private init() {}

  private init(offset: Int, limit: Int?) {
    self.offset = offset
    self.limit = limit
  }

  private static func refusal(_ details: String) -> RequestError {
    RequestError(416, "PGRST103", "Requested range not satisfiable", details: details)
  }

  /// `low-high` or `low-`; anything else is ignored.
  private static func read(_ header: String) -> (low: Int, high: Int?)? {
    let parts = header.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let low = Int(parts[0]), low >= 0 else { return nil }
    if parts[1].isEmpty { return (low, nil) }
    guard let high = Int(parts[1]) else { return nil }
    return (low, high)
  }

  /// `0-9/100`; `*` where there are no rows, or no total.
  static func header(first: Int, count: Int, total: Int?) -> String {
    let total = total.map { "\($0)" } ?? "*"
    return count > 0 ? "\(first)-\(first + count - 1)/\(total)" : "*/\(total)"
  }
}
