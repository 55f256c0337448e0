import JSON
import Supabase

extension PromotionReport {
  /// All of it as one line of JSON, without its end, for programs. Numbers of sequences are numbers.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("promoted")
    writer.bool(isPromoted && !isDryRun)
    writer.name("dryRun")
    writer.bool(isDryRun)
    writer.name("exitCode")
    writer.number(Int(exitCode.rawValue))
    writer.name("phases")
    writer.beginArray()
    for (phase, facts) in phases {
      writer.beginObject()
      writer.name("phase")
      writer.string(phase.rawValue)
      writer.strings("facts", facts)
      writer.endObject()
    }
    writer.endArray()
    writer.name("obstacles")
    writer.beginArray()
    for obstacle in obstacles {
      writer.beginObject()
      writer.name("phase")
      writer.string(obstacle.phase.rawValue)
      writer.name("sentence")
      writer.string(obstacle.sentence)
      writer.name("accepted")
      writer.bool(obstacle.isAcceptable && acceptsLoss)
      writer.endObject()
    }
    writer.endArray()
    writer.name("sequences")
    writer.beginArray()
    for goal in goals { write(goal, to: &writer) }
    writer.endArray()
    writer.strings("triggers", triggers)
    writer.strings("byHand", rest)
    writer.name("reverse")
    if let reverse {
      writer.beginObject()
      writer.name("environment")
      writer.string(reverse.environment)
      writer.strings("commands", reverse.commands)
      writer.endObject()
    } else {
      writer.null()
    }
    writer.endObject()
    return writer.text
  }

  private func write(_ goal: SequenceGoal, to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, value) in [
      ("schema", goal.user.table.schema), ("table", goal.user.table.name),
      ("column", goal.user.column), ("sequence", goal.name.description),
    ] {
      writer.name(name)
      writer.string(value)
    }
    let reached = raised.first { $0.user == goal.user && $0.problem == nil }?.now
    for (name, value) in [
      ("was", goal.given), ("goal", goal.value), ("is", reached), ("source", goal.sourceGiven),
      ("furthestKey", goal.furthestKey),
    ] {
      writer.name(name)
      if let value { writer.raw("\(value)".utf8) } else { writer.null() }
    }
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func strings(_ name: String, _ strings: [String]) {
    self.name(name)
    beginArray()
    for string in strings { self.string(string) }
    endArray()
  }
}
