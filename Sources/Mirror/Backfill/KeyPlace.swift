import JSON
import Supabase

/// Which page of a key range to ask for next: keyset by the key as one total order, to an empty page. A short page
/// is no end, because a server's row cap shortens pages without a word.
struct KeyPlace: Hashable, Sendable {
  enum Stage: Hashable, Sendable {
    /// After this key; nil is the order's very start.
    case after([JSONToken]?)
    /// The same inside a run of rows that share the first columns of the key: by the others alone, so that a run of
    /// any length costs each page the same.
    case within(run: Int, [JSONToken])
    /// After every key that begins so.
    case beyond([JSONToken])
    case finished
  }

  private(set) var stage: Stage
  private let columns: [String]

  init(_ columns: [String], after key: [JSONToken]?) {
    self.columns = columns
    stage = .after(key)
  }

  var isFinished: Bool { stage == .finished }
  /// Nothing of the order has been passed.
  var isAtStart: Bool { stage == .after(nil) }

  /// nil at the end.
  func query(
    _ table: TableName, columns read: [String], upTo end: [JSONToken]?, limit: Int, offset: Int = 0
  ) -> ReadQuery? {
    var filters: [Filter]
    var order = columns
    switch stage {
    case .after(nil): filters = []
    case .after(.some(let key)): filters = [.after(columns: columns, values: key)]
    case .within(let run, let key):
      filters = zip(columns, key).prefix(run).map { .equal($0, $1) }
      order = Array(columns[run...])
      filters.append(.after(columns: order, values: Array(key[run...])))
    case .beyond(let key):
      filters = [.after(columns: Array(columns[..<key.count]), values: key)]
    case .finished: return nil
    }
    if let end { filters.append(.notAfter(columns: columns, values: end)) }
    return ReadQuery(
      table: table, columns: read, filters: filters, order: order, limit: limit, offset: offset)
  }

  /// Moves on past a page.
  /// - Parameters:
  ///   - last: the key of its last row; nil where it was empty.
  ///   - end: where the range ends.
  mutating func advance(to last: [JSONToken]?, upTo end: [JSONToken]?) {
    guard let last else {
      if case .within(let run, let key) = stage {
        stage = .beyond(Array(key[..<run]))
      } else {
        stage = .finished
      }
      return
    }
    if last == end {
      stage = .finished
      return
    }
    let before: [JSONToken]? =
      switch stage {
      case .after(let key): key
      case .within(_, let key): key
      case .beyond, .finished: nil
      }
    let shared = zip(before ?? [], last).prefix { $0 == $1 }.count
    let run = min(shared, columns.count - 1)
    stage = run > 0 ? .within(run: run, last) : .after(last)
  }
}
