import JSON
import LocalSupabase
import Transport

/// Whether lanes copy about as many rows each, whatever the keys look like.
struct BalanceScenario {
  private let settings: BenchSettings
  private static let lanes = 4

  init(_ settings: BenchSettings) { self.settings = settings }

  private struct Keys {
    let name: String
    let type: String
    /// Of row `n`.
    let key: String

    var table: String { "bench_\(name)_keys" }
  }

  private static let all = [
    Keys(name: "uuid", type: "uuid", key: "md5('key' || n)::uuid"),
    // Nine of ten in one dense run, the others ever farther apart.
    Keys(
      name: "skewed", type: "bigint",
      key: "case when n % 10 > 0 then 5000000000 + n else n * n::bigint * n end"),
    Keys(
      name: "text", type: "text",
      key: "'customer/' || case when n % 5 > 0 then 'a' else 'z' end || n"),
  ]

  func run(_ report: inout BenchReport) async throws {
    let rows = settings.rows ?? 200_000
    Bench.say("\nbalance: \(BenchReport.grouped(rows)) rows, \(Self.lanes) lanes")
    let pair = try await BenchPair.start(maxRows: settings.maxRows)
    do {
      let folder = try await ClusterFolder()
      for keys in Self.all { try await measure(keys, rows, pair, folder.path, &report) }
      await folder.remove()
    } catch {
      await pair.stop()
      throw error
    }
    await pair.stop()
  }

  private func measure(
    _ keys: Keys, _ rows: Int, _ pair: BenchPair, _ folder: String, _ report: inout BenchReport
  ) async throws {
    try await pair.schema(
      """
      drop table if exists \(keys.table);
      create table \(keys.table) (id \(keys.type) primary key, text text not null,
        updated_at timestamptz not null) with (autovacuum_enabled = false);
      create index on \(keys.table) (updated_at, id);
      """)
    let setup = MirrorSetup(
      folder: folder, source: pair.source.endpoint, target: pair.target.endpoint,
      tables: [MirrorSetup.Table(name: keys.table)])
    try await pair.schema(setup.migration())
    try await pair.source.sql(
      """
      insert into \(keys.table) select \(keys.key), repeat('text ', 50),
        timestamptz '2024-01-01' + n * interval '1 second' from generate_series(1, \(rows)) as n
      """)
    _ = try? await pair.source.sql("vacuum analyze \(keys.table)")
    await pair.settle()
    _ = try await BackfillRun.first(setup, ["--log-level", "debug"])
    try await pair.expectEqual(keys.table, after: "a backfill")
    guard let copied = Self.rowsByLane(setup.log) else {
      throw BenchStopped(description: "supamirror did not log how many rows each lane copied")
    }
    let mean = Double(copied.reduce(0, +)) / Double(Self.lanes)
    report.add(
      "balance.\(keys.name).most_of_a_lane_to_mean", Double(copied.max() ?? 0) / mean, unit: "x",
      .atMost(1.5))
    try await pair.schema("drop table \(keys.table)")
  }

  /// What the program logged last of it.
  private static func rowsByLane(_ log: String) -> [Int]? {
    let line = log.split(whereSeparator: \.isNewline).last { $0.contains("\"lanes.rows\"") }
    let node = line.flatMap { try? JSONNode(parsing: Array($0.utf8)) }
    let text = node?["fields"]?["lanes.rows"]?.string
    return text?.split(separator: ",").compactMap { Int($0) }
  }
}
