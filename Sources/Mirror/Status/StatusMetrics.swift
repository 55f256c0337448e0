import Supabase

/// A status in Prometheus's text format, version 0.0.4.
package struct StatusMetrics: Sendable {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package private(set) var text = ""

  package init(_ status: MirrorStatus) {
    gauge(
      "build_info", "The program and the mirror that runs; always 1.",
      [
        ([("version", status.version), ("mirror", status.mirror)], "1")
      ])
    single("start_timestamp_seconds", "When the process started.", Self.unix(status.startedAt))
    let isReady = Readiness(status).isReady
    single("ready", "1 while the copy may be relied on, as /readyz tells.", isReady ? "1" : "0")
    single("problems", "Things that need a person.", "\(status.problems.count)")
    gauge(
      "project_up", "1 while the last request to the project had an answer.",
      [
        ([("project", "source")], status.source.downSince == nil ? "1" : "0"),
        ([("project", "target")], status.target.downSince == nil ? "1" : "0"),
      ])
    single(
      "lag_seconds", "Source commit to durable on the target, measured by marker rows.",
      status.lag?.decimalSeconds)
    single(
      "lag_limit_seconds", "The limit above which it is not ready.", status.lagLimit.decimalSeconds)
    add(status.feed)
    add(status.pass)
    add(status.tables)
  }

  private mutating func add(_ feed: FeedStatus) {
    gauge(
      "feed_state", "1 for the state that the feed of changes is in.",
      FeedStatus.State.allCases.map { state in
        ([("state", state.rawValue)], state == feed.state ? "1" : "0")
      })
    single("feed_state_timestamp_seconds", "Since when it is in that state.", Self.unix(feed.since))
    single(
      "feed_proof_timestamp_seconds", "When a marker row last came back through the feed.",
      feed.lastProof.map(Self.unix))
    single("feed_gap_open", "1 while a gap is not healed.", feed.gapSince == nil ? "0" : "1")
    for (name, help, count) in [
      ("feed_connects", "Sockets opened.", feed.connects),
      ("feed_joins", "Channels joined.", feed.joins),
      ("feed_events", "Changes that the feed reported.", feed.events),
      ("feed_gaps_healed", "Gaps that a pass has healed.", feed.gapsHealed),
      (
        "feed_missed_rows", "Rows that a pass found and the feed should have reported.",
        feed.missedRows
      ),
      ("feed_odd_frames", "Frames that could not be read.", feed.oddFrames),
    ] {
      counter(name, help, [([], count)])
    }
    single(
      "feed_last_healing_seconds", "From the end of the last gap to its healing.",
      feed.lastHealing?.decimalSeconds)
  }

  private mutating func add(_ pass: PassStatus) {
    single("pass_running", "1 while a pass runs.", pass.isRunning ? "1" : "0")
    counter("passes", "Passes that ended.", [([], pass.count)])
    counter("failed_passes", "Passes that failed.", [([], pass.failedCount)])
    single(
      "pass_start_timestamp_seconds", "When the last pass began.", pass.lastStart.map(Self.unix))
    single("pass_end_timestamp_seconds", "When the last pass ended.", pass.lastEnd.map(Self.unix))
    single(
      "pass_clean_timestamp_seconds", "When the last pass that left nothing out ended.",
      pass.lastClean.map(Self.unix))
    single(
      "pass_duration_seconds", "How long the last pass took.", pass.lastElapsed?.decimalSeconds)
    single(
      "pass_exit_code", "What the last pass would have exited with; 0: everything is mirrored.",
      pass.lastExitCode.map { "\($0.rawValue)" })
  }

  private mutating func add(_ tables: [TableStatus]) {
    for (name, help, path) in [
      ("table_rows_read", "Rows read at the source.", \TableStatus.read),
      ("table_rows_written", "Rows written to the target.", \.upserted),
      ("table_rows_unchanged", "Rows that the target had already.", \.unchanged),
      ("table_rows_deleted", "Rows deleted on the target.", \.deleted),
    ] {
      counter(name, help, tables.map { (Self.label($0), $0[keyPath: path]) })
    }
    for (name, help, value) in [
      ("table_keys_waiting", "Keys that wait to be looked at.", { "\($0.waiting)" }),
      ("table_deletes_held", "Deletes that wait for approval.", { "\($0.held)" }),
      ("table_rows_quarantined", "Rows that the target refuses.", { "\($0.quarantined)" }),
      ("table_unmirrored", "Kinds of things that are not mirrored.", { "\($0.unmirrored.count)" }),
      (
        "table_columns_left_out", "Columns of the source that the target lacks.",
        { "\($0.leftOut.count)" }
      ),
      ("table_failed", "1 while the table has stopped.", { $0.failure == nil ? "0" : "1" }),
      (
        "table_copy_rows", "Rows copied, while the whole table is being copied.",
        { $0.copying.map { "\($0.rows)" } }
      ),
      (
        "table_copy_rows_estimated", "Rows that the table being copied is expected to have.",
        { $0.copying?.estimate.map { "\($0)" } }
      ),
      (
        "table_verified_timestamp_seconds", "When the last comparison of all rows began.",
        { $0.verified.map { Self.unix($0.time) } }
      ),
      (
        "table_verified_drift", "Rows that it found to differ with nothing to explain it.",
        { $0.verified.map { "\($0.drift)" } }
      ),
      (
        "table_verified_known", "Rows that it found to differ as the mirror knows.",
        { $0.verified.map { "\($0.known)" } }
      ),
      (
        "table_lag_seconds", "Source commit to durable on the target, of the last reported change.",
        { $0.lag?.decimalSeconds }
      ),
      (
        "table_reconcile_timestamp_seconds", "When its rows were last reconciled to the end.",
        { $0.lastReconcile.map(Self.unix) }
      ),
    ] as [(String, String, (TableStatus) -> String?)] {
      gauge(
        name, help, tables.compactMap { table in value(table).map { (Self.label(table), $0) } })
    }
    gauge(
      "table_feed_state", "1 for the state that the table's feed is in.",
      tables.flatMap { table in
        TableStatus.Feed.allCases.map { state in
          (Self.label(table) + [("state", state.rawValue)], state == table.feed ? "1" : "0")
        }
      })
  }

  private typealias Labels = [(name: String, value: String)]

  private static func label(_ table: TableStatus) -> Labels {
    [("table", table.name.description)]
  }

  /// Seconds since 1970.
  private static func unix(_ time: Int64) -> String {
    Duration.microseconds(time - TimeText.unixEpoch).decimalSeconds
  }

  private mutating func single(_ name: String, _ help: String, _ value: String?) {
    gauge(name, help, value.map { [([], $0)] } ?? [])
  }

  private mutating func gauge(_ name: String, _ help: String, _ samples: [(Labels, String)]) {
    family("supamirror_\(name)", "gauge", help, samples)
  }

  private mutating func counter(_ name: String, _ help: String, _ samples: [(Labels, Int)]) {
    family("supamirror_\(name)_total", "counter", help, samples.map { ($0.0, "\($0.1)") })
  }

  /// Nothing where there is no sample: a metric that is missing is not known.
  private mutating func family(
    _ name: String, _ type: String, _ help: String, _ samples: [(Labels, String)]
  ) {
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    for (labels, value) in samples {
      let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
      text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
    }
  }

  /// The three characters that the format escapes in a label's value.
  private static func escaped(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
