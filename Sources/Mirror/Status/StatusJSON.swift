import JSON
import Supabase

/// A status as JSON: what `/status.json` answers, what the status file holds and what `supamirror status --json`
/// prints. Keys are stable: new ones may come, none changes its meaning.
///
/// Times are `2026-11-21T14:03:12.000000Z` in UTC; durations are seconds with a fraction, in keys that end in
/// `Seconds`; what is not known is null. `verdict` (`level` is `good`, `busy`, `warning` or `bad`), `ready`,
/// `reasons` and `lagSeconds` follow from the rest.
package enum StatusJSON {
  /// What only the reader of a status file knows.
  package struct Reading: Hashable, Sendable {
    /// Whether a process holds the state.
    package var isRunning: Bool
    /// Its number, where it is known.
    package var process: Int?
    package var age: Duration

    package init(isRunning: Bool, process: Int?, age: Duration) {
      self.isRunning = isRunning
      self.process = process
      self.age = age
    }
  }

  /// One line without its end.
  ///
  /// - Parameter reading: told as `running`, `process` and `ageSeconds`, which stand first.
  package static func bytes(_ status: MirrorStatus, reading: Reading? = nil) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    if let reading {
      writer.name("running")
      writer.bool(reading.isRunning)
      writer.write("process", reading.process)
      writer.write("ageSeconds", reading.age)
    }
    let verdict = Verdict(status)
    writer.name("verdict")
    writer.beginObject()
    writer.write("level", verdict.level.rawValue)
    writer.write("headline", verdict.headline)
    writer.write("detail", verdict.detail)
    writer.endObject()
    let readiness = Readiness(status)
    writer.name("ready")
    writer.bool(readiness.isReady)
    writer.write("reasons", readiness.reasons)
    writer.write("lagSeconds", status.lag)
    writer.write("version", status.version)
    writer.write("mirror", status.mirror)
    writer.write("startedAt", time: status.startedAt)
    writer.write("takenAt", time: status.takenAt)
    writer.write("lagLimitSeconds", status.lagLimit)
    writer.write("reconcileIntervalSeconds", status.reconcileInterval)
    writer.write("heartbeatIntervalSeconds", status.heartbeatInterval)
    write("source", status.source, &writer)
    write("target", status.target, &writer)
    write(status.feed, &writer)
    write(status.pass, &writer)
    writer.name("tables")
    writer.beginArray()
    for table in status.tables { write(table, &writer) }
    writer.endArray()
    writer.write("problems", status.problems)
    writer.write("notes", status.notes)
    writer.name("lags")
    writer.beginArray()
    for sample in status.lags {
      writer.beginObject()
      writer.write("time", time: sample.time)
      writer.write("seconds", sample.lag)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  private static func write(
    _ name: String, _ project: ProjectStatus, _ writer: inout JSONWriter
  ) {
    writer.name(name)
    writer.beginObject()
    writer.write("url", project.url)
    writer.name("up")
    writer.bool(project.downSince == nil)
    writer.write("downSince", time: project.downSince)
    writer.write("problem", project.problem)
    writer.endObject()
  }

  private static func write(_ feed: FeedStatus, _ writer: inout JSONWriter) {
    writer.name("feed")
    writer.beginObject()
    writer.write("state", feed.state.rawValue)
    writer.write("since", time: feed.since)
    writer.write("problem", feed.problem)
    writer.write("lastProof", time: feed.lastProof)
    writer.write("gapSince", time: feed.gapSince)
    for (name, count) in [
      ("connects", feed.connects), ("joins", feed.joins), ("events", feed.events),
      ("gapsHealed", feed.gapsHealed), ("missedRows", feed.missedRows),
      ("oddFrames", feed.oddFrames),
    ] {
      writer.write(name, count)
    }
    writer.write("lastHealingSeconds", feed.lastHealing)
    writer.endObject()
  }

  private static func write(_ pass: PassStatus, _ writer: inout JSONWriter) {
    writer.name("pass")
    writer.beginObject()
    writer.name("running")
    writer.bool(pass.isRunning)
    writer.write("count", pass.count)
    writer.write("failedCount", pass.failedCount)
    writer.write("lastStart", time: pass.lastStart)
    writer.write("lastEnd", time: pass.lastEnd)
    writer.write("lastClean", time: pass.lastClean)
    writer.write("lastSeconds", pass.lastElapsed)
    writer.write("lastExitCode", pass.lastExitCode.map { Int($0.rawValue) })
    writer.endObject()
  }

  private static func write(_ table: TableStatus, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.write("schema", table.name.schema)
    writer.write("table", table.name.name)
    writer.write("feed", table.feed.rawValue)
    writer.write("feedProblem", table.feedProblem)
    for (name, count) in [
      ("read", table.read), ("upserted", table.upserted), ("unchanged", table.unchanged),
      ("deleted", table.deleted), ("waiting", table.waiting), ("held", table.held),
      ("quarantined", table.quarantined),
    ] {
      writer.write(name, count)
    }
    writer.name("copying")
    if let copying = table.copying {
      writer.beginObject()
      writer.write("rows", copying.rows)
      writer.write("estimatedRows", copying.estimate)
      writer.endObject()
    } else {
      writer.null()
    }
    writer.name("verified")
    if let verified = table.verified {
      writer.beginObject()
      writer.write("asOf", time: verified.time)
      writer.name("isEqual")
      writer.bool(verified.isEqual)
      writer.write("rows", verified.rows)
      writer.write("drift", verified.drift)
      writer.write("known", verified.known)
      writer.endObject()
    } else {
      writer.null()
    }
    writer.write("lagSeconds", table.lag)
    writer.write("lastReconcile", time: table.lastReconcile)
    writer.write("failure", table.failure)
    writer.write("unmirrored", table.unmirrored)
    writer.write("columnsLeftOut", table.leftOut)
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ name: String, _ string: String?) {
    self.name(name)
    if let string { self.string(string) } else { null() }
  }

  fileprivate mutating func write(_ name: String, _ number: Int?) {
    self.name(name)
    if let number { self.number(number) } else { null() }
  }

  fileprivate mutating func write(_ name: String, _ strings: [String]) {
    self.name(name)
    beginArray()
    for string in strings { self.string(string) }
    endArray()
  }

  fileprivate mutating func write(_ name: String, time: Int64?) {
    write(name, time.map(SpokenTime.stamp))
  }

  fileprivate mutating func write(_ name: String, _ duration: Duration?) {
    self.name(name)
    if let duration { raw(duration.decimalSeconds.utf8) } else { null() }
  }
}

extension Duration {
  /// `1.25`: to the microsecond, without idle zeros.
  var decimalSeconds: String {
    let microseconds = Int64(self / .microseconds(1))
    let (whole, rest) = microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
    var text = (microseconds < 0 ? "-" : "") + String(whole)
    if rest > 0 {
      var fraction = String(1_000_000 + rest).dropFirst()
      while fraction.last == "0" { fraction.removeLast() }
      text += "." + fraction
    }
    return text
  }

  /// Reads it back; nil for anything else.
  init?(decimalSeconds text: String) {
    let isNegative = text.hasPrefix("-")
    let parts = text.dropFirst(isNegative ? 1 : 0).split(
      separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = Int64(parts[0]), whole >= 0, whole < 1 << 40 else {
      return nil
    }
    var microseconds: Int64 = 0
    if parts.count == 2 {
      let digits = parts[1] + String(repeating: "0", count: max(0, 6 - parts[1].count))
      guard digits.count == 6, let fraction = Int64(digits), fraction >= 0 else { return nil }
      microseconds = fraction
    }
    let total = whole * 1_000_000 + microseconds
    self = .microseconds(isNegative ? -total : total)
  }
}
