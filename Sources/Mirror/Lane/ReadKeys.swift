import JSON
import Supabase

/// What the source has of some keys, right now.
struct KeyReading {
  var pages: [JSONRows] = []
  var present: Set<RowKey> = []
  /// Asked for, and the source has no such row.
  var absent: [RowKey] = []
}

extension Lane {
  /// Reads keys at the source. A key counts as absent only where the source was asked for it and answered
  /// without a row, never because its text looked different in the answer.
  func sourceRows(_ keys: [RowKey]) async throws(LaneStop) -> KeyReading {
    var reading = KeyReading()
    guard !keys.isEmpty else { return reading }
    let pages = try await pages(of: keys, columns: plan.columns, from: source)
    var strangers = 0
    let asked = Set(keys)
    for page in pages where !page.isEmpty {
      for key in try self.keys(of: page, page.rows.indices) {
        if asked.contains(key) { reading.present.insert(key) } else { strangers += 1 }
      }
      reading.pages.append(page)
    }
    for key in keys where !reading.present.contains(key) {
      if strangers > 0, try await isPresent(key, on: source) {
        reading.present.insert(key)
      } else {
        reading.absent.append(key)
      }
    }
    return reading
  }

  /// Those of these keys that the target has. Where it writes keys in another form, all count as there.
  func keysOnTarget(_ keys: [RowKey]) async throws(LaneStop) -> [RowKey] {
    guard !keys.isEmpty else { return [] }
    var found: Set<RowKey> = []
    for page in try await pages(of: keys, columns: plan.keyColumns, from: target) {
      found.formUnion(try self.keys(of: page, page.rows.indices))
    }
    return found.isSubset(of: keys) ? keys.filter(found.contains) : keys
  }

  private func isPresent(
    _ key: RowKey, on project: any MirroredProject
  ) async throws(LaneStop) -> Bool {
    try await pages(of: [key], columns: plan.keyColumns, from: project).contains { !$0.isEmpty }
  }

  private func pages(
    of keys: [RowKey], columns: [String], from project: any MirroredProject
  ) async throws(LaneStop) -> [JSONRows] {
    while true {
      do throws(PostgRESTError) {
        return try await project.rows(
          of: plan.name, keys: keys, keyColumns: plan.keyColumns, columns: columns,
          atMost: size.rows
        ).map(\.rows)
      } catch {
        guard error.isCuredBySmallerPage, size.shrink() else { throw LaneStop(error) }
      }
    }
  }
}
