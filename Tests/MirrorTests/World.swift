import JSON
import Mirror
import Supabase
import Testing
import Transport

/// A value as PostgREST writes it.
func raw(_ text: String) -> JSONToken { JSONToken(bytes: Array(text.utf8)) }
func int(_ value: Int) -> JSONToken { JSONToken(int: value) }
func text(_ value: String) -> JSONToken { JSONToken(string: value) }
/// Microseconds since 2000-01-01, as PostgREST writes a `timestamptz`.
func time(_ microseconds: Int64) -> JSONToken {
  JSONToken(string: TimeText.timestamp(microseconds, offset: "+00:00"))
}

let second: Int64 = 1_000_000
let minute = 60 * second
let hour = 60 * minute
let day = 24 * hour
/// 2024-06-01T12:00:00.000007Z: with microseconds, as `now()` has them.
let noon: Int64 = 770_558_400 * second + 7

/// Bytes that outlive the program, until a crash.
final class MemoryStorage: StateStorage {
  private struct Content {
    var bytes: [UInt8]?
    var saves = 0
    var failsAt: Int?
  }
  private let content = Locked(Content())
  let path = "/state.json"

  init(_ bytes: [UInt8]? = nil) { content.withLock { $0.bytes = bytes } }

  var bytes: [UInt8]? { content.withLock { $0.bytes } }
  var saves: Int { content.withLock { $0.saves } }

  /// From this save on (1 is the next one) nothing is kept any more; nil: all is.
  func fail(at save: Int?) {
    content.withLock {
      $0.saves = 0
      $0.failsAt = save
    }
  }

  func load() -> [UInt8]? { bytes }

  func replace(with bytes: [UInt8]) throws(StateError) {
    let isKept = content.withLock { content in
      content.saves += 1
      if let failsAt = content.failsAt, content.saves >= failsAt { return false }
      content.bytes = bytes
      return true
    }
    guard isKept else { throw StateError("the disk is full") }
  }
}

/// A source, a target and a state between them.
struct World: Sendable {
  let clock: Locked<Int64>
  let source: MemoryProject
  let target: MemoryProject
  let storage = MemoryStorage()
  var settings: Settings
  var tables: [TableConfiguration]
  static let identity = MirrorIdentity(epoch: "pair", name: "test")

  /// - Parameter columns: after `id bigint` and `updated_at timestamptz`.
  static func items(
    _ columns: KeyValuePairs<String, String> = ["value": "text"], ledger: Bool = true
  ) async -> World {
    var all: [(String, String)] = [
      ("id", "bigint"), ("updated_at", "timestamp with time zone"),
    ]
    all += columns.map { ($0, $1) }
    return await World([MemoryTable("items", pairs: all)], ledger: ledger)
  }

  /// Items that a pass has copied.
  static func copied(_ count: Int) async -> World {
    let world = await World.items()
    await world.fill(1...count)
    await world.pass()
    return world
  }

  init(
    _ tables: [MemoryTable], fields: [String: String] = [:], ledger: Bool = true
  ) async {
    let clock = Locked(noon)
    self.clock = clock
    source = MemoryProject("source", clock: clock)
    target = MemoryProject("target", clock: clock)
    let url = ProjectURL("http://127.0.0.1")!
    settings = Settings(
      source: Project(role: "source", url: url, key: ServiceKey("a")),
      target: Project(role: "target", url: url, key: ServiceKey("b")))
    settings.initialBackfill = .all
    self.tables = tables.map {
      TableConfiguration(
        name: $0.name, primaryKeys: $0.key,
        incrementalFields: [fields[$0.name.name] ?? "updated_at"])
    }
    for project in [source, target] {
      await project.change { project in
        for table in tables { project.tables[table.name] = table }
        if ledger { project.installLedger(for: tables.map(\.name)) }
      }
    }
  }

  var now: Int64 { clock.withLock { $0 } }
  func wait(_ time: Int64) { clock.withLock { $0 += time } }

  @discardableResult
  func pass(approval: DeleteApproval = .none) async -> PassReport {
    let store: StateStore
    do {
      store = try StateStore(storage, identity: Self.identity)
    } catch {
      Issue.record("the state cannot be read: \(error)")
      return PassReport()
    }
    let clock = clock
    return await Pass(
      settings: settings, tables: tables, source: source, target: target, store: store,
      approval: approval, now: { clock.withLock { $0 } }
    ).run()
  }

  func state(_ table: String = "items") throws -> TableState? {
    guard let bytes = storage.bytes else { return nil }
    return try StateText.read(bytes, Self.identity, path: "")[TableName(name: table)]
  }

  /// Rows `from...to` at the source, a second apart, the newest just now.
  func fill(_ ids: ClosedRange<Int>, _ table: String = "items") async {
    let now = now
    await source.change { source in
      for id in ids {
        source.put(
          table, [int(id), time(now - Int64(ids.upperBound - id) * second), text("v\(id)")])
      }
    }
  }

  func expectEqual(
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let (source, target) = (await source.tables, await target.tables)
    for table in tables {
      let (left, right) = (source[table.name]!, target[table.name]!)
      let lost = left.rows.keys.filter { right.rows[$0] == nil }.count
      let extra = right.rows.keys.filter { left.rows[$0] == nil }.count
      let changed = left.rows.count { row in right.rows[row.key].map { $0 != row.value } ?? false }
      #expect(
        [lost, extra, changed] == [0, 0, 0],
        "lost, extra, changed of \(table.name) \(comment ?? "")",
        sourceLocation: sourceLocation)
    }
  }
}

extension MemoryTable {
  /// Columns that are put together in a program.
  init(_ name: String, pairs: [(String, String)], references: [String: String] = [:]) {
    self.init(name, [:], references: [:])
    self = MemoryTable(
      name: self.name,
      columns: pairs.map { column, format in
        Column(
          name: column, format: format, isNotNull: ["id", "updated_at"].contains(column),
          isPrimaryKey: column == "id",
          references: references[column].map { Column.Reference(table: $0, column: "id") })
      }, key: ["id"])
  }

  init(name: TableName, columns: [Column], key: [String]) {
    self.name = name
    self.columns = columns
    self.key = key
  }
}

extension PassReport {
  var isClean: Bool { stopped == nil && unmirrored.isEmpty && tables.allSatisfy(\.isClean) }
  subscript(_ table: String) -> TableReport { tables.first { $0.table.name == table }! }
  var items: TableReport { self["items"] }
}

extension [PassReport] {
  var clean: Bool { allSatisfy(\.isClean) }
}
