import JSON
import Supabase

extension PassReport {
  /// The report as one line of JSON, without its end, for programs.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("seconds")
    writer.raw(elapsed.secondsToken)
    if let stopped {
      writer.name("stopped")
      writer.string(stopped)
    }
    writer.write("unmirrored", unmirrored)
    writer.name("tables")
    writer.beginArray()
    for table in tables { table.write(to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.text
  }
}

extension TableReport {
  fileprivate func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("schema")
    writer.string(table.schema)
    writer.name("table")
    writer.string(table.name)
    for (name, count) in [
      ("read", read), ("upserted", upserted), ("unchanged", unchanged), ("deleted", deleted),
      ("held", held), ("quarantined", quarantined),
    ] {
      writer.name(name)
      writer.number(count)
    }
    writer.name("seconds")
    writer.raw(elapsed.secondsToken)
    writer.name("lagSeconds")
    writer.raw(lag?.secondsToken ?? .null)
    writer.name("failure")
    if let failure { writer.string(failure) } else { writer.null() }
    writer.write("unmirrored", unmirrored)
    writer.write("columnsLeftOut", leftOut)
    writer.write("notes", notes)
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ name: String, _ strings: [String]) {
    self.name(name)
    beginArray()
    for string in strings { self.string(string) }
    endArray()
  }
}

extension Duration {
  /// To the millisecond.
  fileprivate var secondsToken: JSONToken {
    let milliseconds = Int(max(.zero, self) / .milliseconds(1))
    let fraction = String(1_000 + milliseconds % 1_000).dropFirst()
    return JSONToken(bytes: Array("\(milliseconds / 1_000).\(fraction)".utf8))
  }
}
