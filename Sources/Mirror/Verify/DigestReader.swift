import JSON
import Supabase

/// The digest functions of one project, for one table. Calls may be concurrent.
struct DigestReader: Sendable {
  let project: any MirroredProject
  let side: ComparedSide
  let plan: TablePlan

  static let functions: Set<String> = [
    "sync_digest_parts", "sync_digest_sums", "sync_digest_rows", "sync_digest_form",
  ]

  /// How this server digests; digests are compared only where both answer the same.
  static func form(_ project: any MirroredProject) async throws(PostgRESTError) -> [UInt8] {
    try await project.rpc("sync_digest_form", schema: "public", arguments: Array("{}".utf8))
  }

  /// Cuts ranges into parts of `partRows` rows, the last one of each with what is left.
  /// - Parameter mostRows: of each range that are looked at, a multiple of `partRows`.
  func parts(
    of ranges: [KeySpan], partRows: Int, mostRows: Int
  ) async throws(PostgRESTError) -> [CutRange] {
    precondition(partRows > 0 && mostRows > 0 && mostRows.isMultiple(of: partRows))
    let answer = try await call("sync_digest_parts") { writer in
      writer.name("ranges")
      writer.beginArray()
      for range in ranges {
        writer.beginArray()
        writer.bound(range.lower)
        writer.bound(range.upper)
        writer.endArray()
      }
      writer.endArray()
      writer.name("part_rows")
      writer.number(partRows)
      writer.name("most_rows")
      writer.number(mostRows)
    }
    guard let found = answer.elements(of: answer.root), found.count == ranges.count else {
      throw unreadable
    }
    var cuts: [CutRange] = []
    for (range, part) in zip(ranges, found) {
      cuts.append(try cut(range, part, answer, mostRows: mostRows))
    }
    return cuts
  }

  private func cut(
    _ range: KeySpan, _ place: Range<Int>, _ answer: JSONDocument, mostRows: Int
  ) throws(PostgRESTError) -> CutRange {
    guard let places = answer.elements(of: place) else { throw unreadable }
    var cut = CutRange(parts: [])
    var lower = range.lower
    var rows = 0
    for place in places {
      guard let fields = answer.elements(of: place), fields.count == 3 else { throw unreadable }
      let digest = try digest(fields[1], fields[2], answer)
      let upper = answer.isNull(at: fields[0]) ? nil : try key(fields[0], answer)
      cut.parts.append(
        CutRange.Part(
          range: KeySpan(lower: lower, upper: upper), digest: digest, lastKey: upper))
      rows += digest.rows
      lower = upper
    }
    if rows >= mostRows, let lower {
      cut.rest = KeySpan(lower: lower, upper: range.upper)
    } else if cut.parts.isEmpty {
      cut.parts = [
        CutRange.Part(range: range, digest: RangeDigest(rows: 0, sum: JSONToken(int: 0)))
      ]
    } else {
      cut.parts[cut.parts.count - 1].range.upper = range.upper
    }
    guard cut.parts.dropLast().allSatisfy({ $0.lastKey != nil }) else { throw unreadable }
    return cut
  }

  /// Digests these ranges.
  func sums(of ranges: [KeySpan]) async throws(PostgRESTError) -> [RangeDigest] {
    let answer = try await call("sync_digest_sums") { writer in
      writer.name("chains")
      writer.beginArray()
      var last: KeySpan?
      for range in ranges {
        if last?.upper == nil || last?.upper != range.lower {
          if last != nil { writer.endArray() }
          writer.beginArray()
          writer.bound(range.lower)
        }
        writer.bound(range.upper)
        last = range
      }
      if last != nil { writer.endArray() }
      writer.endArray()
    }
    return try digests(answer, count: ranges.count)
  }

  /// Digests what there is of each of these keys.
  func rows(of keys: [RowKey]) async throws(PostgRESTError) -> [RangeDigest] {
    let answer = try await call("sync_digest_rows") { writer in
      writer.name("row_keys")
      writer.beginArray()
      for key in keys { writer.bound(key) }
      writer.endArray()
    }
    return try digests(answer, count: keys.count)
  }

  private func digests(
    _ answer: JSONDocument, count: Int
  ) throws(PostgRESTError) -> [RangeDigest] {
    guard let places = answer.elements(of: answer.root), places.count == count else {
      throw unreadable
    }
    var digests: [RangeDigest] = []
    for place in places {
      guard let fields = answer.elements(of: place), fields.count == 2 else { throw unreadable }
      digests.append(try digest(fields[0], fields[1], answer))
    }
    return digests
  }

  private func digest(
    _ rows: Range<Int>, _ sum: Range<Int>, _ answer: JSONDocument
  ) throws(PostgRESTError) -> RangeDigest {
    guard let count = answer.integer(at: rows), count >= 0 else { throw unreadable }
    return RangeDigest(rows: count, sum: answer.token(at: sum))
  }

  private func key(
    _ place: Range<Int>, _ answer: JSONDocument
  ) throws(PostgRESTError) -> RowKey {
    guard let values = answer.elements(of: place), values.count == plan.keyColumns.count else {
      throw unreadable
    }
    return RowKey(values.map(answer.token))
  }

  private func call(
    _ function: String, _ write: (inout JSONWriter) -> Void
  ) async throws(PostgRESTError) -> JSONDocument {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("schema_name")
    writer.string(plan.name.schema)
    writer.name("table_name")
    writer.string(plan.name.name)
    for (name, columns) in [("key_columns", plan.keyColumns), ("columns", plan.columns)] {
      writer.name(name)
      writer.beginArray()
      for column in columns { writer.string(column) }
      writer.endArray()
    }
    write(&writer)
    writer.endObject()
    let body = try await project.rpc(function, schema: "public", arguments: writer.bytes)
    guard let document = try? JSONDocument(body) else { throw unreadable }
    return document
  }

  private var unreadable: PostgRESTError {
    PostgRESTError(
      kind: .unreadable, project: side == .source ? "source" : "target", table: plan.name,
      message: "the \(side)'s digest functions answer in another form than expected; apply the "
        + "output of `supamirror migration` there again")
  }
}

extension JSONWriter {
  fileprivate mutating func bound(_ key: RowKey?) {
    guard let key else { return null() }
    beginArray()
    for value in key.values { raw(value) }
    endArray()
  }
}
