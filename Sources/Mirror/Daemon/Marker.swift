import JSON
import Supabase

/// The marker row: this mirror's row of `public.sync_heartbeat`, written at the source, expected back through the
/// feed, then copied to the target. Its beats are the only proof that changes flow.
struct Marker: Sendable {
  static let table = TableName(name: "sync_heartbeat")
  /// What the feed's events of it are read for.
  static let columns = ["mirror", "beat"]
  private static let keyColumns = ["mirror"]
  private static let copiedColumns = ["mirror", "beat", "written_at"]

  let source: any MirroredProject
  let target: any MirroredProject
  let mirror: String

  static func isInstalled(_ catalogue: Catalogue) -> Bool {
    guard let table = catalogue.tables[table] else { return false }
    return copiedColumns.allSatisfy { table[$0] != nil }
  }

  /// The beat that an event tells of; nil where it is not about this mirror's row.
  func beat(in change: FeedChange) -> Int64? {
    guard change.table == Self.table, let key = change.key, key.count == Self.columns.count,
      key[0].string == mirror
    else { return nil }
    return Int64(key[1].text)
  }

  func write(_ beat: Int64) async throws(PostgRESTError) {
    var row = JSONWriter()
    row.beginArray()
    row.beginObject()
    row.name("mirror")
    row.string(mirror)
    row.name("beat")
    row.raw("\(beat)".utf8)
    row.endObject()
    row.endArray()
    _ = try await source.upsert(
      row.bytes, into: Self.table, keyColumns: Self.keyColumns, columns: Self.columns)
  }

  /// Reads the row at the source and writes it to the target, as every row goes.
  func copy() async throws(PostgRESTError) {
    let pages = try await source.rows(
      of: Self.table, keys: [RowKey([JSONToken(string: mirror)])], keyColumns: Self.keyColumns,
      columns: Self.copiedColumns, atMost: 1)
    for page in pages where !page.rows.isEmpty {
      _ = try await target.upsert(
        page.rows.bytes, into: Self.table, keyColumns: Self.keyColumns, columns: Self.copiedColumns)
    }
  }
}
