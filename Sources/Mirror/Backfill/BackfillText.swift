import JSON

extension StateText {
  static func write(_ backfill: OpenBackfill, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("cap")
    writer.string(backfill.cap.text)
    if let horizon = backfill.horizon {
      writer.name("horizon")
      writer.number(Int(horizon))
    }
    writer.name("rows")
    writer.number(backfill.rows)
    if let estimate = backfill.estimate {
      writer.name("estimate")
      writer.number(estimate)
    }
    writer.name("ranges")
    writer.beginArray()
    for range in backfill.ranges {
      writer.beginObject()
      if let after = range.after {
        writer.name("after")
        write(after.map(\.text), &writer)
      }
      if let upTo = range.upTo {
        writer.name("upTo")
        write(upTo.map(\.text), &writer)
      }
      if let left = range.left {
        writer.name("left")
        writer.number(left)
      }
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }

  /// nil where it is damaged: a range that is not understood must not be passed over.
  static func backfill(_ node: JSONNode, keyColumns: [String]) -> OpenBackfill? {
    guard let cap = node["cap"].flatMap(token), let rows = node["rows"]?.int,
      let nodes = node["ranges"]?.array
    else { return nil }
    var ranges: [KeyRange] = []
    for node in nodes {
      guard case .object = node.value else { return nil }
      var range = KeyRange(id: ranges.count, left: node["left"]?.int)
      if let after = node["after"] {
        guard let values = tokens(after), values.count == keyColumns.count else { return nil }
        range.after = values
      }
      if let upTo = node["upTo"] {
        guard let values = tokens(upTo), values.count == keyColumns.count else { return nil }
        range.upTo = values
      }
      ranges.append(range)
    }
    var backfill = OpenBackfill(cap: cap, ranges: ranges)
    backfill.horizon = node["horizon"]?.int.map { Int64($0) }
    backfill.rows = rows
    backfill.estimate = node["estimate"]?.int
    return backfill
  }
}
