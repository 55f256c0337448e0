import JSON

/// What the demo takes from the daemon's `/status.json`.
struct DemoStatus: Sendable {
  struct Table: Sendable {
    var upserted = 0
    var deleted = 0
    var waiting = 0
    /// Refused by the target, or held back: neither is expected here.
    var leftOut = 0
    /// Seconds.
    var lag: Double?
    var feed = ""
  }

  var level = ""
  var headline = ""
  var isReady = false
  var feedState = ""
  var hasGap = false
  var gapsHealed = 0
  var isPassRunning = false
  // Times as text, all in one form, so that a later one is greater.
  var passStart = ""
  var passEnd = ""
  var passClean = ""
  /// By schema and name.
  var tables: [String: Table] = [:]
  var problems: [String] = []

  init() {}

  /// - Throws: `JSONError` where the bytes are no JSON; what is missing is empty.
  init(_ bytes: [UInt8]) throws(JSONError) {
    let root = try JSONNode(parsing: bytes)
    level = root["verdict"]?["level"]?.string ?? ""
    headline = root["verdict"]?["headline"]?.string ?? ""
    isReady = root["ready"]?.bool ?? false
    feedState = root["feed"]?["state"]?.string ?? ""
    hasGap = root["feed"]?["gapSince"]?.string != nil
    gapsHealed = root["feed"]?["gapsHealed"]?.int ?? 0
    isPassRunning = root["pass"]?["running"]?.bool ?? false
    passStart = root["pass"]?["lastStart"]?.string ?? ""
    passEnd = root["pass"]?["lastEnd"]?.string ?? ""
    passClean = root["pass"]?["lastClean"]?.string ?? ""
    problems = root["problems"]?.array?.compactMap(\.string) ?? []
    for node in root["tables"]?.array ?? [] {
      var table = Table()
      table.upserted = node["upserted"]?.int ?? 0
      table.deleted = node["deleted"]?.int ?? 0
      table.waiting = node["waiting"]?.int ?? 0
      table.leftOut = (node["held"]?.int ?? 0) + (node["quarantined"]?.int ?? 0)
      if case .number(let text) = node["lagSeconds"]?.value { table.lag = Double(text) }
      table.feed = node["feed"]?.string ?? ""
      tables["\(node["schema"]?.string ?? "").\(node["table"]?.string ?? "")"] = table
    }
  }

  /// Everything that was committed before `time` is on the target: a whole pass that began later ended clean, and
  /// nothing waits any more.
  func hasAll(before time: String) -> Bool {
    // Both ends are the same time only where the last pass was a whole and clean one.
    !isPassRunning && passClean == passEnd && passStart > time
      && tables.values.allSatisfy { $0.waiting == 0 }
  }

  /// What the feed does, in a word, for one table.
  func feed(of table: Table) -> String {
    switch feedState {
    case "live" where table.feed == "live": hasGap ? "healing" : "live"
    case "disconnected": "lost"
    default: table.feed
    }
  }
}
