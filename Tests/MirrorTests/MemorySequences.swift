import JSON
import Mirror
import Supabase

extension MemoryProject {
  /// What the migration's functions for a switch do.
  func installSequences(_ states: [SequenceState] = []) {
    functions.formUnion(["sync_sequences", "sync_raise_sequences", "sync_disabled_triggers"])
    sequences = states
  }

  /// The last number that a column's sequence gave out.
  func given(_ table: String, _ column: String = "id") -> Int128? {
    sequences.first { $0.user == NumberedColumn(table: TableName(name: table), column: column) }?
      .given
  }

  func answerOfSequences() -> [UInt8] {
    list(sequences) { writer, state in
      writer.put("schema", state.name.schema)
      writer.put("name", state.name.name)
      writer.put("table_schema", state.user.table.schema)
      writer.put("table", state.user.table.name)
      writer.put("column", state.user.column)
      for (name, value) in [
        ("last_value", state.lastValue), ("increment", state.increment),
        ("minimum", state.minimum), ("maximum", state.maximum), ("cache", state.cache),
      ] {
        writer.name(name)
        if let value { writer.raw("\(value)".utf8) } else { writer.null() }
      }
      writer.name("is_called")
      if state.lastValue == nil { writer.null() } else { writer.bool(state.isCalled) }
      writer.name("cycles")
      writer.bool(state.cycles)
    }
  }

  func answerOfTriggers() -> [UInt8] {
    list(disabledTriggers) { writer, trigger in
      writer.put("schema", trigger.table.schema)
      writer.put("table", trigger.table.name)
      writer.put("name", trigger.name)
      writer.name("is_internal")
      writer.bool(trigger.isInternal)
    }
  }

  func raise(_ arguments: JSONNode) -> [UInt8] {
    list(arguments["wanted"]!.array!) { writer, wanted in
      for name in ["schema", "table", "column"] { writer.put(name, wanted[name]!.string!) }
      let user = NumberedColumn(
        table: TableName(schema: wanted["schema"]!.string!, name: wanted["table"]!.string!),
        column: wanted["column"]!.string!)
      let value = Int64(wanted["value"]!.int!)
      guard let index = sequences.firstIndex(where: { $0.user == user }) else {
        for name in ["sequence", "was", "is", "problem"] {
          writer.name(name)
          writer.null()
        }
        return
      }
      let was = sequences[index].given!
      if raiseProblem == nil, Int128(value) > was {
        sequences[index].lastValue = value
        sequences[index].isCalled = true
      }
      writer.put("sequence", sequences[index].name.description)
      writer.name("was")
      writer.raw("\(was)".utf8)
      writer.name("is")
      writer.raw("\(sequences[index].given!)".utf8)
      writer.name("problem")
      if let raiseProblem { writer.string(raiseProblem) } else { writer.null() }
    }
  }

  private func list<Element>(
    _ elements: [Element], _ write: (inout JSONWriter, Element) -> Void
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for element in elements {
      writer.beginObject()
      write(&writer, element)
      writer.endObject()
    }
    writer.endArray()
    return writer.bytes
  }
}

extension JSONWriter {
  fileprivate mutating func put(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }
}

extension SequenceState {
  /// An ascending one that has given out `last`.
  init(_ table: String, _ column: String = "id", last: Int64) {
    self.init(
      user: NumberedColumn(table: TableName(name: table), column: column),
      name: TableName(name: "\(table)_\(column)_seq"), lastValue: max(1, last), isCalled: last > 0)
  }
}
