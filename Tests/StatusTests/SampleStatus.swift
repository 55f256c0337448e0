import Mirror
import Supabase
import Testing

/// Mirrors in the states that people meet.
enum SampleStatus {
  /// 2026-11-21T14:15:12.345678Z
  static let now: Int64 = 848_585_712_345_678

  static func ago(_ duration: Duration) -> Int64 { now - Int64(duration / .microseconds(1)) }

  /// Nothing but what a daemon knows in its first second.
  static let empty: MirrorStatus = {
    var status = MirrorStatus(
      version: "0.2.0", mirror: "abc-to-def-0aff0102",
      source: ProjectStatus(url: "https://abcdefghijklmnopqrst.supabase.co"),
      target: ProjectStatus(url: "https://zyxwvutsrqponmlkjihg.supabase.co"),
      startedAt: ago(.seconds(1)), takenAt: now,
      feed: FeedStatus(state: .disconnected, since: ago(.seconds(1))), pass: PassStatus(),
      tables: [], lagLimit: .seconds(60))
    status.pass.isRunning = true
    status.pass.lastStart = ago(.milliseconds(500))
    return status
  }()

  static let live: MirrorStatus = {
    var status = empty
    status.startedAt = ago(.seconds(3 * 86_400 + 4_000))
    status.feed = FeedStatus(state: .live, since: ago(.seconds(4_380)))
    status.feed.lastProof = ago(.seconds(3))
    status.feed.connects = 3
    status.feed.joins = 4
    status.feed.events = 128_934
    status.feed.gapsHealed = 2
    status.feed.lastHealing = .milliseconds(1_240)
    status.pass.isRunning = false
    status.pass.count = 8_771
    status.pass.failedCount = 2
    status.pass.lastStart = ago(.milliseconds(13_100))
    status.pass.lastEnd = ago(.milliseconds(12_300))
    status.pass.lastClean = ago(.milliseconds(12_300))
    status.pass.lastElapsed = .milliseconds(800)
    status.pass.lastExitCode = .clean
    status.tables = [
      table("customers", rows: 12_840), table("orders", rows: 1_204_377),
      table("order_items", rows: 6_120_044), table("Line Items", schema: "shop", rows: 5_120),
      table("audit_log", rows: 22_340_120), table("countries", rows: 249),
    ]
    status.tables[5].feed = .off
    status.tables[5].lag = nil
    status.tables[0].verified = VerifiedStatus(
      time: ago(.seconds(3 * 3_600)), rows: 12_840, drift: 0, known: 0)
    status.tables[1].verified = VerifiedStatus(
      time: ago(.seconds(2 * 3_600)), rows: 1_204_377, drift: 0, known: 3)
    status.lags = lags(until: .seconds(3))
    status.lags[status.lags.count - 1].lag = .milliseconds(412)
    status.notes = [
      "shop.Line Items: the column total is generated; the target computes it",
      "public.countries: \"realtime\" is false; it is polled",
    ]
    return status
  }()

  static let healing: MirrorStatus = {
    var status = live
    status.feed.state = .live
    status.feed.since = ago(.seconds(4))
    status.feed.gapSince = ago(.seconds(19))
    status.pass.isRunning = true
    status.pass.lastStart = ago(.seconds(2))
    for index in 0..<5 { status.tables[index].waiting = 12 * index }
    status.tables[1].copying = CopyStatus(rows: 470_123, estimate: 1_000_000)
    status.tables[2].copying = CopyStatus(rows: 500, estimate: nil)
    return status
  }()

  static let sourceDown: MirrorStatus = {
    var status = live
    status.source.downSince = ago(.seconds(732))
    status.source.problem = "connection refused by abcdefghijklmnopqrst.supabase.co:443"
    status.feed.state = .disconnected
    status.feed.since = ago(.seconds(731))
    status.feed.problem = "the socket was closed: connection reset by peer"
    status.feed.lastProof = ago(.seconds(738))
    status.pass.failedCount = 14
    status.pass.lastExitCode = .project
    status.pass.lastEnd = ago(.seconds(20))
    status.pass.lastElapsed = .seconds(120)
    status.pass.lastClean = ago(.seconds(745))
    status.lags = lags(until: .seconds(738))
    status.problems = [
      "The pass stopped: the source https://abcdefghijklmnopqrst.supabase.co does not answer (connection refused). Look at the project's dashboard: a paused project has to be restored there."
    ]
    for index in status.tables.indices { status.tables[index].feed = index == 5 ? .off : .joining }
    return status
  }()

  static let heldAndQuarantined: MirrorStatus = {
    var status = live
    status.tables[1].held = 3
    status.tables[3].quarantined = 2
    status.tables[2].feed = .refused
    status.tables[2].feedProblem =
      "the source's publication supabase_realtime lacks it; run: alter publication supabase_realtime add table public.order_items"
    status.tables[4].unmirrored = ["12 jsonb nulls arrive as SQL NULL"]
    status.pass.lastExitCode = .incomplete
    status.pass.lastClean = ago(.seconds(5_400))
    status.problems = [
      "public.orders: 3 deletes are held. Look at what happened at the source; if it is right, run: `supamirror --cron --approve-deletes public.orders`",
      "shop.Line Items: 2 rows are in quarantine, refused by the target (last: null value in column \"total\" violates not-null constraint). The state file has the keys and reasons; every pass tries them again.",
    ]
    return status
  }()

  static let fiftyTables: MirrorStatus = {
    var status = live
    status.tables = (1...50).map { number in
      table("tenant_\(number)_measurements", schema: "warehouse", rows: number * number * 3_771)
    }
    status.tables[16].failure =
      "the column `unit` is missing on the target; add it there with: alter table warehouse.tenant_17_measurements add column unit text"
    status.problems = ["warehouse.tenant_17_measurements: \(status.tables[16].failure ?? "")"]
    status.tables[30].quarantined = 41
    return status
  }()

  /// One of them, by its name alone in the tests' output.
  struct Named: Sendable, CustomTestStringConvertible {
    let name: String
    let status: MirrorStatus

    init(_ name: String, _ status: MirrorStatus) {
      self.name = name
      self.status = status
    }

    var testDescription: String { name }
  }

  static let all = [
    Named("empty", empty), Named("live", live), Named("healing", healing),
    Named("source-down", sourceDown), Named("held", heldAndQuarantined),
    Named("fifty", fiftyTables),
  ]

  private static func table(
    _ name: String, schema: String = "public", rows: Int
  ) -> TableStatus {
    var table = TableStatus(name: TableName(schema: schema, name: name), feed: .live)
    table.read = rows
    table.upserted = rows / 7
    table.unchanged = rows - rows / 7
    table.deleted = rows / 1_000
    table.lag = .milliseconds(200 + rows % 700)
    table.lastReconcile = ago(.milliseconds(12_300))
    return table
  }

  /// One every ten seconds for an hour, with a pause of two minutes and a peak after it.
  private static func lags(until: Duration) -> [LagSample] {
    let end = ago(until)
    return (0..<359).reversed().compactMap { index -> LagSample? in
      if (150..<162).contains(index) { return nil }
      let wave = (index * 37 % 11) * 23 + (index * 13 % 7) * 31
      let peak = (140..<150).contains(index) ? (index - 139) * 900 : 0
      return LagSample(
        time: end - Int64(index) * 10_000_000, lag: .milliseconds(280 + wave + peak))
    }
  }
}
