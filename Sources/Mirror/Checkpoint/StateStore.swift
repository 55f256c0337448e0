package import Supabase

/// Where the state's bytes are kept; the boundary at which tests put a twin in memory.
package protocol StateStorage: Sendable {
  /// For messages.
  var path: String { get }
  /// nil where there is none yet.
  func load() throws(StateError) -> [UInt8]?
  /// Returns once the bytes are durable; a crash at any instruction leaves the old or the new ones, whole.
  func replace(with bytes: [UInt8]) throws(StateError)
}

/// The mirror's durable state. Every change is durable when the call returns.
package actor StateStore {
  package let identity: MirrorIdentity
  private let storage: any StateStorage
  private var tables: [TableName: TableState]
  /// What is to be made durable by the next write of the file.
  private var waiting: [TableName: TableState] = [:]
  /// Changes that were asked for, and how many of them are durable.
  private var asked = 0
  private var written = 0

  /// - Throws: where the stored state is another pair's, damaged or newer. It is left untouched.
  package init(_ storage: any StateStorage, identity: MirrorIdentity) throws(StateError) {
    self.identity = identity
    self.storage = storage
    let bytes = try storage.load()
    tables =
      try bytes.map { bytes throws(StateError) in
        try StateText.read(bytes, identity, path: storage.path)
      } ?? [:]
  }

  package func state(of table: TableName) -> TableState? { tables[table] }

  /// Changes that come while the file is written share the next write of it.
  package func set(_ state: TableState, of table: TableName) async throws(StateError) {
    guard waiting[table] != nil || tables[table] != state else { return }
    waiting[table] = state
    asked += 1
    let mine = asked
    // Those that queued up behind the last write come first, so one write does for all of them.
    await Task.yield()
    guard written < mine else { return }
    let changed = tables.merging(waiting) { $1 }
    try storage.replace(with: StateText.write(changed, identity))
    tables = changed
    waiting = [:]
    written = asked
  }
}
