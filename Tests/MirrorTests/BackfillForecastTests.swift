import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

@Suite struct BackfillForecastTests {
  private func take(
    _ world: World, _ scope: BackfillScope = .missing, tables: [TableConfiguration]? = nil
  ) async throws -> BackfillForecast {
    await BackfillForecast.take(
      scope, of: tables ?? world.tables,
      try StateStore(world.storage, identity: World.identity), source: world.source,
      target: world.target, batchSize: world.settings.batchSize)
  }

  @Test func `a dry run reads one page, counts, and writes nothing`() async throws {
    let world = await World.items()
    await world.fill(1...700)
    let forecast = try await take(world)
    let table = try #require(forecast.tables.first)
    #expect(table.rows == 700 && table.problem == nil && table.copied == 0)
    let bytes = try #require(table.bytesPerRow)
    #expect((50...100).contains(bytes) && table.bytesLeft == 700 * bytes)
    #expect(forecast.exitCode == .clean)
    #expect(world.storage.bytes == nil)
    for project in [world.source, world.target] {
      let requests = await project.requests
      #expect(requests.allSatisfy { !$0.isWrite && $0.kind != .rpc })
      #expect(requests.count { $0.kind == .read } <= 1)
    }
    #expect(forecast.plain.contains("public.items  ~700"))
    #expect(forecast.plain.hasSuffix("in 1 table.\n"), "\(forecast.plain)")
  }

  @Test func `what is copied already is known from the state`() async throws {
    let world = await World.items()
    await world.fill(1...700)
    let store = try StateStore(world.storage, identity: World.identity)
    var state = TableState(field: "updated_at", keyColumns: ["id"])
    state.backfill = OpenBackfill(cap: time(noon), ranges: [KeyRange(id: 0)])
    state.backfill?.rows = 500
    try await store.set(state, of: TableName(name: "items"))
    let before = world.storage.bytes
    let open = try await take(world)
    #expect(open.tables[0].rowsLeft == 200 && open.tables[0].copied == 500)
    #expect(open.plain.contains("200 rows to read"))
    state.backfill = nil
    state.isCopiedWhole = true
    #expect(world.storage.bytes == before)

    try await store.set(state, of: TableName(name: "items"))
    let none = try await take(world)
    #expect(none.tables.isEmpty && none.copiedBefore == [TableName(name: "items")])
    #expect(none.plain.hasSuffix("Dry run: nothing would be copied.\n"))
    #expect(none.plain.contains("copied whole before"))
    #expect(try await take(world, .all).tables[0].rowsLeft == 700)
  }

  @Test func `estimates may be wrong, and a table empty`() async throws {
    let world = await World.items()
    let empty = try await take(world)
    #expect(empty.tables[0].rows == 0 && empty.tables[0].bytesLeft == 0)
    await world.fill(1...300)
    await world.source.change { $0.estimate = 1 }
    #expect(try await take(world).tables[0].rows == 300)
    await world.source.change { $0.estimate = 1_000_000_000_000_000_000 }
    let large = try await take(world)
    #expect(large.tables[0].bytesLeft == .max)
    #expect(large.plain.contains("9.2 EB"))
  }

  @Test func `a table that cannot be copied says why, the others are counted`() async throws {
    let world = await World.items()
    await world.fill(1...10)
    let tables =
      world.tables + [
        TableConfiguration(
          name: TableName(name: "nowhere"), primaryKeys: ["id"], incrementalFields: ["u"]),
        TableConfiguration(
          name: TableName(name: "fed"), primaryKeys: ["id"], incrementalFields: [],
          reconcile: false),
      ]
    let forecast = try await take(world, tables: tables)
    #expect(forecast.exitCode == .incomplete && forecast.tables.count == 2)
    #expect(forecast.tables[1].problem?.contains("no table public.nowhere") == true)
    #expect(forecast.plain.contains("Needs attention:\n  public.nowhere: the source has no table"))
    let node = try JSONNode(parsing: Array(forecast.json.utf8))
    #expect(!forecast.json.contains("\n") && node["exitCode"]?.int == 1)
    #expect(node["dryRun"]?.bool == true && node["rowsLeft"]?.int == 10)
    #expect(node["tables"]?.array?[0]["rowsLeft"]?.int == 10)
    #expect(node["tables"]?.array?[1]["problem"]?.string?.isEmpty == false)
    #expect(node["tables"]?.array?[1]["rows"]?.isNull == true)
  }

  @Test func `a project that does not answer ends it`() async throws {
    let world = await World.items()
    await world.source.change { source in
      source.before = { project, _ in project.failure(.cannotConnect) }
    }
    let forecast = try await take(world)
    #expect(forecast.exitCode == .project && forecast.stopped != nil)
    #expect(forecast.plain.contains("Nothing can be copied now: the source did not answer"))
    #expect(forecast.json.contains(#""rowsLeft":null"#))
  }
}
