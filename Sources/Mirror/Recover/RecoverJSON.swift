import JSON
import Supabase

extension RecoverReport {
  /// All of it as one line of JSON, without its end, for programs. It holds no keys.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("isEqual")
    writer.bool(isEqual)
    writer.name("stopped")
    if let stopped { writer.string(stopped) } else { writer.null() }
    writer.name("problems")
    writer.beginArray()
    for problem in problems { writer.string(problem) }
    writer.endArray()
    writer.name("seconds")
    writer.beginObject()
    for phase in RecoverPhase.allCases {
      guard let time = times[phase] else { continue }
      writer.name(phase.rawValue)
      writer.raw(Array(time.decimalSeconds.utf8))
    }
    writer.endObject()
    for (name, found) in [("analysis", analysis), ("verification", verification)] {
      writer.name(name)
      if let found { writer.raw(found.json(showsKeys: false).utf8) } else { writer.null() }
    }
    writer.name("plan")
    if let plan { plan.writeCounts(to: &writer) } else { writer.null() }
    writer.name("repair")
    writer.beginArray()
    for repair in repairs { repair.write(to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.text
  }
}

extension RecoveryPlan {
  fileprivate func writeCounts(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("mode")
    writer.string(mode.rawValue)
    writer.name("rows")
    writer.number(rows)
    writer.name("tables")
    writer.beginArray()
    for table in tables {
      writer.beginObject()
      writer.name("schema")
      writer.string(table.name.schema)
      writer.name("table")
      writer.string(table.name.name)
      writer.write([
        ("insert", table.missingRows), ("ranges", table.runs.count),
        ("overwrite", table.different.count), ("delete", table.extra.count),
        ("newerOnTarget", table.newer), ("left", table.left),
      ])
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }
}

extension RepairReport {
  fileprivate func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("schema")
    writer.string(table.schema)
    writer.name("table")
    writer.string(table.name)
    writer.write([
      ("inserted", inserted), ("overwritten", overwritten), ("deleted", deleted),
      ("newerOnTarget", newer), ("alreadyEqual", alreadyEqual), ("alreadyThere", present),
      ("goneAtSource", gone), ("notDeleted", kept), ("held", held), ("refused", refused),
      ("rowsPerSecond", rowsPerSecond),
    ])
    writer.name("seconds")
    writer.raw(Array(elapsed.decimalSeconds.utf8))
    writer.name("problems")
    writer.beginArray()
    for sentence in RecoverText.sentences([self]) { writer.string(sentence) }
    writer.endArray()
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ counts: [(String, Int)]) {
    for (name, count) in counts {
      self.name(name)
      number(count)
    }
  }
}
