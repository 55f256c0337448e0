package import Supabase

/// One table's keys that wait to be looked at, bounded: a burst larger than `limit` is not queued but answered
/// by a pass, because a pass finds every row that was changed lately.
package struct Signals: Sendable {
  package struct Signal: Hashable, Sendable {
    package let key: RowKey
    /// One of the merged events was a delete (or named this key as the old one).
    package var isDelete: Bool
    /// The oldest of the merged events, as `FeedChange.commitTime`: lag is measured from it.
    package var commitTime: Int64?
    /// Since the daemon's start, when the first of the merged events arrived.
    package var at: Duration

    package init(key: RowKey, isDelete: Bool, commitTime: Int64?, at: Duration) {
      self.key = key
      self.isDelete = isDelete
      self.commitTime = commitTime
      self.at = at
    }
  }

  /// What was dropped, all at once: only a pass that begins after it brings those rows, and where delete evidence
  /// was lost, only the ledger brings those deletes.
  package struct Overflow: Hashable, Sendable {
    package var keys: Int
    package var lostDeleteEvidence: Bool
  }

  package let limit: Int
  /// nil until keys were dropped; stays until `takeOverflow`.
  private(set) var overflow: Overflow?
  private var waiting: [RowKey: Signal] = [:]
  /// In order of arrival from `head` on; what is before was taken.
  private var order: [RowKey] = []
  private var head = 0

  /// - Parameter limit: at least 1.
  package init(limit: Int) { self.limit = max(1, limit) }

  package var count: Int { waiting.count }
  package var isEmpty: Bool { waiting.isEmpty }
  package var overflowed: Bool { overflow != nil }
  package var lostDeleteEvidence: Bool { overflow?.lostDeleteEvidence ?? false }
  /// When the one that waits longest arrived.
  package var oldest: Duration? { waiting.isEmpty ? nil : waiting[order[head]]?.at }

  package func contains(_ key: RowKey) -> Bool { waiting[key] != nil }

  package mutating func add(_ key: RowKey, isDelete: Bool, commitTime: Int64?, at: Duration) {
    add(Signal(key: key, isDelete: isDelete, commitTime: commitTime, at: at))
  }

  /// Also for what was taken and could not be done: it waits again, at the end.
  package mutating func add(_ signal: Signal) {
    if waiting[signal.key] != nil {
      waiting[signal.key]!.merge(signal)
      return
    }
    guard waiting.count < limit else { return drop(with: signal) }
    waiting[signal.key] = signal
    order.append(signal.key)
  }

  /// At most `most`, in order of arrival.
  package mutating func take(atMost most: Int) -> [Signal] {
    let end = min(order.count, head + max(0, most))
    let taken = order[head..<end].compactMap { waiting.removeValue(forKey: $0) }
    head = end
    if head > order.count / 2 {
      order.removeFirst(head)
      head = 0
    }
    return taken
  }

  /// To be called before the pass that makes up for it begins.
  package mutating func takeOverflow() -> Overflow? {
    defer { overflow = nil }
    return overflow
  }

  private mutating func drop(with last: Signal) {
    let lost = last.isDelete || waiting.values.contains(where: \.isDelete)
    overflow = Overflow(
      keys: (overflow?.keys ?? 0) + waiting.count + 1,
      lostDeleteEvidence: lostDeleteEvidence || lost)
    waiting = [:]
    order = []
    head = 0
  }
}

extension Signals.Signal {
  fileprivate mutating func merge(_ other: Self) {
    isDelete = isDelete || other.isDelete
    at = min(at, other.at)
    if let time = other.commitTime { commitTime = min(commitTime ?? time, time) }
  }
}
