import JSON
import Supabase

/// Why a status cannot be read, as the end of a sentence.
package struct StatusReadError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
}

extension StatusJSON {
  /// Reads what `bytes` wrote, to the microsecond. Counters that an older version did not write are 0.
  package static func read(_ bytes: [UInt8]) throws(StatusReadError) -> MirrorStatus {
    let root: JSONNode
    do {
      root = try JSONNode(parsing: bytes)
    } catch {
      throw StatusReadError(description: "it is no JSON: \(error)")
    }
    let reader = StatusReader(root)
    var status = MirrorStatus(
      version: try reader.string("version"), mirror: try reader.string("mirror"),
      source: try project(reader.object("source")), target: try project(reader.object("target")),
      startedAt: try reader.time("startedAt"), takenAt: try reader.time("takenAt"),
      feed: try feed(reader.object("feed")), pass: try pass(reader.object("pass")),
      tables: [], lagLimit: try reader.duration("lagLimitSeconds"))
    status.reconcileInterval =
      try reader.optionalDuration("reconcileIntervalSeconds") ?? .seconds(30)
    status.heartbeatInterval =
      try reader.optionalDuration("heartbeatIntervalSeconds") ?? .seconds(10)
    for node in try reader.array("tables") { status.tables.append(try table(StatusReader(node))) }
    for node in try reader.array("lags") {
      let sample = StatusReader(node)
      status.lags.append(
        LagSample(time: try sample.time("time"), lag: try sample.duration("seconds")))
    }
    status.problems = try reader.strings("problems")
    status.notes = try reader.strings("notes")
    return status
  }

  private static func project(_ reader: StatusReader) throws(StatusReadError) -> ProjectStatus {
    var project = ProjectStatus(url: try reader.string("url"))
    project.downSince = try reader.optionalTime("downSince")
    project.problem = try reader.string("problem")
    return project
  }

  private static func feed(_ reader: StatusReader) throws(StatusReadError) -> FeedStatus {
    var feed = FeedStatus(
      state: try reader.choice("state"), since: try reader.time("since"))
    feed.problem = try reader.string("problem")
    feed.lastProof = try reader.optionalTime("lastProof")
    feed.gapSince = try reader.optionalTime("gapSince")
    feed.connects = reader.count("connects")
    feed.joins = reader.count("joins")
    feed.events = reader.count("events")
    feed.gapsHealed = reader.count("gapsHealed")
    feed.lastHealing = try reader.optionalDuration("lastHealingSeconds")
    feed.missedRows = reader.count("missedRows")
    feed.oddFrames = reader.count("oddFrames")
    return feed
  }

  private static func pass(_ reader: StatusReader) throws(StatusReadError) -> PassStatus {
    var pass = PassStatus()
    pass.isRunning = reader.node["running"]?.bool ?? false
    pass.count = reader.count("count")
    pass.failedCount = reader.count("failedCount")
    pass.lastStart = try reader.optionalTime("lastStart")
    pass.lastEnd = try reader.optionalTime("lastEnd")
    pass.lastClean = try reader.optionalTime("lastClean")
    pass.lastElapsed = try reader.optionalDuration("lastSeconds")
    if let code = reader.node["lastExitCode"]?.int {
      pass.lastExitCode = Int32(exactly: code).flatMap(ExitCode.init(rawValue:))
    }
    return pass
  }

  private static func table(_ reader: StatusReader) throws(StatusReadError) -> TableStatus {
    var table = TableStatus(
      name: TableName(schema: try reader.string("schema"), name: try reader.string("table")),
      feed: try reader.choice("feed"))
    table.feedProblem = try reader.string("feedProblem")
    table.read = reader.count("read")
    table.upserted = reader.count("upserted")
    table.unchanged = reader.count("unchanged")
    table.deleted = reader.count("deleted")
    table.waiting = reader.count("waiting")
    table.held = reader.count("held")
    table.quarantined = reader.count("quarantined")
    if let copying = reader.node["copying"], !copying.isNull {
      table.copying = CopyStatus(
        rows: StatusReader(copying).count("rows"), estimate: copying["estimatedRows"]?.int)
    }
    if let verified = reader.node["verified"], !verified.isNull {
      let reader = StatusReader(verified)
      table.verified = VerifiedStatus(
        time: try reader.time("asOf"), rows: reader.count("rows"), drift: reader.count("drift"),
        known: reader.count("known"))
    }
    table.lag = try reader.optionalDuration("lagSeconds")
    table.lastReconcile = try reader.optionalTime("lastReconcile")
    table.failure = reader.node["failure"]?.string
    table.unmirrored = try reader.strings("unmirrored")
    table.leftOut = (try? reader.strings("columnsLeftOut")) ?? []
    return table
  }
}

/// One object's members, with errors that name them.
private struct StatusReader {
  let node: JSONNode

  init(_ node: JSONNode) { self.node = node }

  func object(_ name: String) throws(StatusReadError) -> StatusReader {
    StatusReader(try required(name, node[name]))
  }

  func string(_ name: String) throws(StatusReadError) -> String {
    try required(name, node[name]?.string)
  }

  func strings(_ name: String) throws(StatusReadError) -> [String] {
    try array(name).compactMap(\.string)
  }

  func array(_ name: String) throws(StatusReadError) -> [JSONNode] {
    try required(name, node[name]?.array)
  }

  func count(_ name: String) -> Int { node[name]?.int ?? 0 }

  func time(_ name: String) throws(StatusReadError) -> Int64 {
    try required(name, node[name]?.string.flatMap(TimeText.microseconds))
  }

  func optionalTime(_ name: String) throws(StatusReadError) -> Int64? {
    if node[name]?.isNull ?? true { nil } else { try time(name) }
  }

  func duration(_ name: String) throws(StatusReadError) -> Duration {
    var duration: Duration?
    if case .number(let text) = node[name]?.value { duration = Duration(decimalSeconds: text) }
    return try required(name, duration)
  }

  func optionalDuration(_ name: String) throws(StatusReadError) -> Duration? {
    if node[name]?.isNull ?? true { nil } else { try duration(name) }
  }

  func choice<Choice: RawRepresentable<String>>(
    _ name: String
  ) throws(StatusReadError) -> Choice {
    try required(name, node[name]?.string.flatMap(Choice.init(rawValue:)))
  }

  private func required<Value>(_ name: String, _ value: Value?) throws(StatusReadError) -> Value {
    guard let value else {
      throw StatusReadError(description: "its \(name) is missing or not understood")
    }
    return value
  }
}
