import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

private let table = TableName(name: "items")

/// A table that is copied by key while users change rows of pages that are on their way, and the feed says so.
private struct Copying: Sendable {
  let world: World
  let lanes: Lanes
  let door: ProjectDoor
  /// Changed in pages that had been read, with whether they are gone.
  let changed = Locked<[JSONToken: Bool]>([:])
  /// What was written of each row.
  let written = Locked<[JSONToken: [JSONToken]]>([:])

  /// - Parameter format: the key's.
  init(format: String) async throws {
    var world = await World([
      MemoryTable(
        "items",
        ["id": format, "updated_at": "timestamp with time zone", "value": "text"])
    ])
    world.settings.batchSize = 8
    self.world = world
    door = ProjectDoor(world.source)
    let clock = world.clock
    lanes = Lanes(
      Lane.Surroundings(
        source: door, target: world.target,
        store: try StateStore(world.storage, identity: World.identity), settings: world.settings,
        log: .none, now: { clock.withLock { $0 } }, progress: { _ in }, clock: SteppedClock()))
  }

  static func id(_ number: Int, _ format: String) -> JSONToken {
    format == "numeric" ? raw("\(number).5") : int(number)
  }

  func run() async -> PassReport {
    await Pass(tables: world.tables, lanes.surroundings, lanes: lanes).run()
  }

  /// Of every fourth page a row is changed, or deleted, when it has been read; before it is there the feed has said so.
  func changeRowsOfPages(_ format: String) async {
    let (world, lanes, changed, written) = (world, lanes, changed, written)
    let now = world.now
    let (pages, news) = (Locked(0), Locked<[FeedChange]>([]))
    await world.target.change { target in
      target.rule = { _, row in
        written.withLock { $0[row["id"]!, default: []].append(row["value"]!) }
        return .accept
      }
    }
    await world.source.change { source in
      source.cap = 5
      for number in 1...400 {
        source.put("items", [Self.id(number, format), time(now - hour), text("old")])
      }
      source.after = { source, request in
        guard let query = request.query, query.table == table, query.columns.count == 3,
          query.limit > 1
        else {
          return nil
        }
        let number = pages.withLock { pages in
          pages += 1
          return pages
        }
        let rows = source.tables[table]!.select(query, cap: source.cap)
        guard number % 4 == 0, let row = rows.randomElement() else { return nil }
        let isGone = number % 8 == 0
        if isGone {
          source.erase("items", row[0])
        } else {
          source.put("items", [row[0], time(now), text("new")])
        }
        changed.withLock { $0[row[0]] = isGone }
        // The feed may write a number in another way.
        let named = format == "numeric" ? raw(row[0].text + "0") : row[0]
        news.withLock {
          $0.append(
            FeedChange(
              table: table, kind: isGone ? .delete : .update, key: isGone ? nil : [named],
              oldKey: [named], commitTime: nil, hasErrors: false))
        }
        return nil
      }
    }
    door.after { kind, _ in
      guard kind == .read else { return }
      let changes = news.withLock { changes in
        defer { changes = [] }
        return changes
      }
      for change in changes { await lanes.lane(of: table)?.signal(change, at: .zero) }
    }
  }
}

@Test(arguments: ["bigint", "numeric"])
func `a page that was read before the feed named its row neither turns it back nor brings it back`(
  format: String
) async throws {
  let copying = try await Copying(format: format)
  await copying.changeRowsOfPages(format)
  let report = await copying.run()
  #expect(report.items.failure == nil && report.stopped == nil, "\(report)")
  #expect(await copying.lanes.lane(of: table)?.feed.gap == nil)
  let (changed, written) = (copying.changed.withLock { $0 }, copying.written.withLock { $0 })
  #expect(changed.values.contains(true) && changed.values.contains(false))
  for (id, isGone) in changed {
    let values = written[id] ?? []
    if isGone {
      #expect(values.isEmpty, "\(id.text) was deleted, and written \(values.count) times")
    } else {
      #expect(values.contains(text("new")) && !values.contains(text("old")), "\(id.text)")
    }
  }
  await copying.world.source.change { $0.after = { _, _ in nil } }
  copying.door.open()
  _ = await copying.run()
  await copying.world.expectEqual()
}

@Test func `keys that the feed names before a first copy begins are left to it`() async throws {
  let stamp = "timestamp with time zone"
  let world = await World([
    MemoryTable("items", ["id": "bigint", "updated_at": stamp]),
    MemoryTable(
      "children", ["id": "bigint", "updated_at": stamp, "parent": "bigint"],
      references: ["parent": "items"]),
  ])
  let door = ProjectDoor(world.source)
  let (clock, now) = (world.clock, world.now)
  let needs = Locked<[PassNeed]>([])
  let lanes = Lanes(
    Lane.Surroundings(
      source: door, target: world.target,
      store: try StateStore(world.storage, identity: World.identity), settings: world.settings,
      log: .none, now: { clock.withLock { $0 } }, progress: { _ in },
      needsPass: { need in needs.withLock { $0.append(need) } }))
  await world.source.change { source in
    for id in 1...20 { source.put("items", [int(id), time(now)]) }
  }
  let isDone = Locked(false)
  let children = TableName(name: "children")
  door.before { kind, name in
    guard kind == .read, name == table, let lane = await lanes.lane(of: children) else { return }
    guard await lane.isAwaitingCopy else { return }
    guard
      !isDone.withLock({ done in
        defer { done = true }
        return done
      })
    else { return }
    // Far more than a lane keeps, of parents that are not on the target yet.
    for id in 1...5_000 {
      await lane.signal(
        FeedChange(
          table: children, kind: .insert, key: [int(id)], oldKey: nil, commitTime: nil,
          hasErrors: false), at: .zero)
    }
    await world.source.change { source in
      for id in 1...20 { source.put("children", [int(id), time(now), int(id)]) }
    }
  }
  let report = await Pass(tables: world.tables, lanes.surroundings, lanes: lanes).run()
  #expect(isDone.withLock { $0 } && report.isClean, "\(report)")
  #expect(needs.withLock { $0 }.isEmpty)
  await world.expectEqual()
}
