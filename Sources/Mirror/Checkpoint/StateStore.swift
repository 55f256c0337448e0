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

  package func set(_ state: TableState, of table: TableName) throws(StateError) {
    guard tables[table] != state else { return }
    var changed = tables
    changed[table] = state
    try storage.replace(with: StateText.write(changed, identity))
    tables = changed
  }
}
