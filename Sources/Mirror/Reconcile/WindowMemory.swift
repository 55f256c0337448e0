import JSON
package import Supabase

/// Which rows are known to be on the target, by key and version: what need be neither fetched nor written again.
/// It is in memory only and bounded; what it has forgotten is looked up on the target, or written once more.
///
/// It may be wrong in one direction alone. A row enters when the target has confirmed the write of this version, or
/// was seen to have it, and only where a version tells; it leaves before anything is written or deleted under its key.
package struct WindowMemory: Sendable {
  /// Rows at most; about 3 MiB.
  package static let limit = 98_304

  /// 128 bits of a key under this process's random seed: two keys that share them are not to be expected.
  private struct Digest: Hashable {
    let first: UInt64
    let second: UInt64
  }

  /// The newer half, and what was the newer half before it filled up.
  private var recent: [Digest: Int64] = [:]
  private var older: [Digest: Int64] = [:]
  private let half: Int
  /// Rows of older versions are not kept: no pass looks at them again.
  private var least: Int64 = .max
  /// What the target has from this version on is all here: what is not known is not there.
  private var wholeFrom: Int64?
  /// How often rows had to be forgotten for want of room.
  package private(set) var losses = 0

  package init(limit: Int = WindowMemory.limit) { half = max(1, limit / 2) }

  package var count: Int { recent.count + older.count }
  package var isEmpty: Bool { recent.isEmpty && older.isEmpty }

  package func knows(_ key: RowKey, _ version: Int64) -> Bool {
    guard !isEmpty else { return false }
    let digest = Self.digest(key)
    return (recent[digest] ?? older[digest]) == version
  }

  /// The target has this row. A key has one version there, so what was known of it is replaced.
  package mutating func know(_ key: RowKey, _ version: Int64) {
    let digest = Self.digest(key)
    older[digest] = nil
    guard version >= least else {
      recent[digest] = nil
      return
    }
    if recent.count >= half, recent[digest] == nil {
      if !older.isEmpty {
        losses += 1
        wholeFrom = nil
      }
      older = recent
      recent = [:]
    }
    recent[digest] = version
  }

  /// Nothing is known of these any more. To be called before a request that could change them on the target.
  package mutating func forget(_ keys: some Sequence<RowKey>) {
    guard !isEmpty else { return }
    for key in keys {
      let digest = Self.digest(key)
      recent[digest] = nil
      older[digest] = nil
    }
  }

  package mutating func forgetAll() {
    recent = [:]
    older = [:]
    wholeFrom = nil
  }

  /// From now on only rows of this version and newer ones are kept; before the first call, none.
  package mutating func keep(from version: Int64) {
    if version > least {
      recent = recent.filter { $0.value >= version }
      older = older.filter { $0.value >= version }
    }
    least = version
    if let known = wholeFrom, known < version { wholeFrom = version }
  }

  /// Whether what is not known is not on the target, from this version on.
  package func isWhole(from version: Int64) -> Bool { wholeFrom.map { $0 <= version } ?? false }

  /// All that the target has from this version on has been made known since there were so many losses.
  package mutating func becameWhole(from version: Int64, losses: Int) {
    guard losses == self.losses else { return }
    wholeFrom = max(version, least)
  }

  private static func digest(_ key: RowKey) -> Digest {
    Digest(first: digest(key, 1), second: digest(key, 2))
  }

  private static func digest(_ key: RowKey, _ salt: UInt8) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(salt)
    for value in key.values { hasher.combine(text(of: value)) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// What the value says: the feed and the ledger may escape a string in other ways than PostgREST.
  private static func text(of value: JSONToken) -> ArraySlice<UInt8> {
    guard value.isString else { return value.bytes[...] }
    if value.bytes.contains(UInt8(ascii: "\\")), let string = value.string {
      return ArraySlice(string.utf8)
    }
    return value.bytes.dropFirst().dropLast()
  }
}
