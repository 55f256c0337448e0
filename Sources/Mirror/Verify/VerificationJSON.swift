import JSON
import Supabase

extension VerificationReport {
  /// The report as one line of JSON, without its end.
  /// - Parameter showsKeys: name the rows that differ. Keys are row data.
  package func json(showsKeys: Bool) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("seconds")
    writer.raw(Array(elapsed.decimalSeconds.utf8))
    if let stopped {
      writer.name("stopped")
      writer.string(stopped)
    }
    writer.name("drift")
    writer.number(drift)
    writer.name("known")
    writer.number(known)
    writer.name("tables")
    writer.beginArray()
    for table in tables { table.write(to: &writer, showsKeys: showsKeys) }
    writer.endArray()
    writer.endObject()
    return writer.text
  }
}

extension TableVerification {
  fileprivate func write(to writer: inout JSONWriter, showsKeys: Bool) {
    writer.beginObject()
    writer.name("schema")
    writer.string(table.schema)
    writer.name("table")
    writer.string(table.name)
    writer.name("isEqual")
    writer.bool(isEqual)
    writer.name("way")
    writer.string(way.rawValue)
    for (name, time) in [("begunAt", begunAt), ("endedAt", endedAt)] as [(String, Int64?)] {
      writer.name(name)
      if let time { writer.string(TimeText.timestamp(time, offset: "Z")) } else { writer.null() }
    }
    let numbers = [("sourceRows", sourceRows), ("targetRows", targetRows), ("equal", equalRows)]
    for (name, number) in numbers + Kind.allCases.map({ ($0.rawValue, self[$0]) }) {
      writer.name(name)
      writer.number(number)
    }
    writer.name("columns")
    writer.beginObject()
    for (column, count) in columns.sorted(by: { $0.key < $1.key }) {
      writer.name(column)
      writer.number(count)
    }
    writer.endObject()
    if showsKeys {
      writer.name("keys")
      writer.beginObject()
      for kind in Kind.allCases where self[kind] > 0 {
        writer.name(kind.rawValue)
        writer.beginArray()
        for fault in faults where fault.kind == kind {
          writer.beginArray()
          for value in fault.key.values { writer.raw(value) }
          writer.endArray()
        }
        writer.endArray()
      }
      writer.endObject()
    }
    writer.name("seconds")
    writer.raw(Array(elapsed.decimalSeconds.utf8))
    writer.name("failure")
    if let failure { writer.string(failure) } else { writer.null() }
    writer.name("notes")
    writer.beginArray()
    for note in notes { writer.string(note) }
    writer.endArray()
    writer.endObject()
  }
}
