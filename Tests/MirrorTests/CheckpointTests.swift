import JSON
import Mirror
import Supabase
import Testing
import Transport

@Test(arguments: [false, true])
func `a crash at any save loses nothing`(isTie: Bool) async {
  for save in 1...40 {
    var world = await World.items()
    world.settings.batchSize = 5
    let now = world.now
    await world.source.change { source in
      for id in 1...40 {
        source.put("items", [int(id), time(isTie ? now : now - Int64(40 - id) * hour), text("v")])
      }
    }
    world.storage.fail(at: save)
    let report = await world.pass()
    let crashed = report.stopped != nil
    // After a crash the checkpoint never says more than the target has.
    if crashed, let checkpoint = try? world.state()?.checkpoint, !isTie {
      let (source, target) = (await world.source.tables, await world.target.tables)
      let items = TableName(name: "items")
      let reached = source[items]!.rows.filter {
        $0.value[1].string! <= checkpoint.string!
      }
      #expect(reached.allSatisfy { target[items]!.rows[$0.key] == $0.value }, "save \(save)")
    }
    world.storage.fail(at: nil)
    await world.source.forgetRequests()
    #expect(await world.pass().isClean)
    await world.expectEqual("save \(save)")
    if !crashed { return }
  }
  Issue.record("the pass never got to its end")
}

@Test(arguments: [false, true])
func `a crash at any write loses nothing`(isDone: Bool) async {
  for write in 1...40 {
    var world = await World.items()
    world.settings.batchSize = 5
    world.settings.lookback = .zero
    let now = world.now
    await world.source.change { source in
      for id in 1...40 {
        source.put("items", [int(id), time(now - Int64(40 - id) * hour), text("v")])
      }
    }
    let fails: MemoryProject.Hook = { target, request in
      guard request.isWrite, target.requests.count(where: \.isWrite) >= write else { return nil }
      return target.failure(.cancelled, isWrite: true)
    }
    await world.target.change { target in
      if isDone { target.after = fails } else { target.before = fails }
    }
    let crashed = await world.pass().stopped != nil
    await world.target.change { target in
      target.before = { _, _ in nil }
      target.after = { _, _ in nil }
    }
    #expect(await world.pass().isClean)
    await world.expectEqual("write \(write)")
    if !crashed { return }
  }
  Issue.record("the pass never got to its end")
}

@Test func `an interrupted first pass goes on where it stopped`() async throws {
  var world = await World.items()
  world.settings.batchSize = 100
  // By the incremental field, not by key.
  world.settings.initialBackfill = .last(.seconds(86_400))
  await world.fill(1...2_000)
  world.storage.fail(at: 4)
  await world.pass()
  world.storage.fail(at: nil)
  let done = try #require(try world.state()?.scan?.cursor.rest.first)
  #expect(Int(done.text)! >= 200)
  let report = await world.pass()
  // And then once more through the look-back: five minutes, both ends included.
  #expect(report.items.read == 2_000 - Int(done.text)! + 301)
  await world.expectEqual()
}

@Test func `a pass that goes on where another stopped has what was changed since`() async throws {
  var world = await World.items()
  world.settings.batchSize = 100
  // By the incremental field, not by key.
  world.settings.initialBackfill = .last(.seconds(86_400))
  await world.fill(1...2_000)
  world.storage.fail(at: 4)
  await world.pass()
  world.storage.fail(at: nil)
  // A transaction that was long: its row is older than where the pass stopped.
  let now = world.now
  await world.source.change { $0.put("items", [int(1), time(now - 1_950 * second), text("late")]) }
  world.settings.lookback = .seconds(3_000)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a cancelled task loses nothing`() async throws {
  var world = await World.items()
  world.settings.batchSize = 10
  await world.fill(1...300)
  let running = Locked<Task<PassReport, Never>?>(nil)
  await world.target.change { target in
    target.after = { target, request in
      if request.isWrite, target.requests.count(where: \.isWrite) == 3 {
        running.withLock { $0?.cancel() }
      }
      return nil
    }
  }
  let (start, go) = AsyncStream.makeStream(of: Void.self)
  let task = Task { [world] in
    for await _ in start { break }
    return await world.pass()
  }
  running.withLock { $0 = task }
  go.yield()
  let report = await task.value
  #expect(report.stopped?.contains("interrupted") == true)
  #expect(report.stopKind == .here)
  let copied = await world.target.tables[TableName(name: "items")]!.rows.count
  #expect(copied > 0 && copied < 300)
  await world.target.change { $0.after = { _, _ in nil } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `the checkpoint stays behind a running transaction, so a late commit arrives`()
  async throws
{
  var world = await World.items()
  world.settings.lookback = .zero
  await world.fill(1...10)
  let start = world.now
  await world.source.change { $0.running = [start] }
  world.wait(hour)
  await world.fill(11...20)
  await world.pass()
  #expect(try world.state()?.checkpoint == time(start))
  world.wait(hour)
  await world.source.change { source in
    source.put("items", [int(100), time(start), text("late")])
    source.running = []
  }
  await world.pass()
  await world.expectEqual()
}

@Test func `where the horizon cannot be told the checkpoint stays`() async throws {
  var world = await World.items()
  world.settings.lookback = .zero
  await world.fill(1...10)
  await world.pass()
  let checkpoint = try world.state()?.checkpoint
  world.wait(hour)
  await world.fill(11...20)
  await world.source.change { source in
    source.before = { source, request in
      request.function == "sync_horizon" ? source.error(500, "57014") : nil
    }
  }
  let report = await world.pass()
  #expect(report.unmirrored.contains { $0.contains("horizon") })
  #expect(try world.state()?.checkpoint == checkpoint)
  await world.expectEqual()
}

@Test func `without a horizon a commit within the look-back arrives`() async {
  let world = await World.items(ledger: false)
  await world.fill(1...10)
  await world.pass()
  let start = world.now
  world.wait(4 * minute)
  await world.fill(11...20)
  await world.pass()
  // Began before all of it, and ended within five minutes.
  world.wait(59 * second)
  await world.source.change { $0.put("items", [int(100), time(start), text("late")]) }
  await world.pass()
  await world.expectEqual()
}

@Test func `a row dated in the future is copied and does not drag the checkpoint along`()
  async throws
{
  let world = await World.items()
  await world.fill(1...5)
  let now = world.now
  await world.source.change { $0.put("items", [int(99), time(now + 900 * day), text("future")]) }
  await world.source.change { $0.put("items", [int(98), text("infinity"), text("never")]) }
  await world.pass()
  await world.expectEqual()
  let checkpoint = try #require(try world.state()?.checkpoint)
  #expect([time(now), time(world.now)].contains(checkpoint))
  world.wait(day)
  await world.fill(6...9)
  let report = await world.pass()
  await world.expectEqual()
  // What is read in every pass is not written in every pass: those of the future, and one at the checkpoint.
  #expect(report.items.upserted == 4 && [2, 3].contains(report.items.unchanged), "\(report.items)")
}

@Test func `the checkpoint does not pass the source's clock by our own`() async throws {
  let world = await World.items(ledger: false)
  let now = world.now
  await world.source.change { source in
    source.put("items", [int(1), time(now - second), text("v")])
    source.put("items", [int(2), time(now + second), text("v")])
  }
  await world.pass()
  // The clock is told in whole seconds.
  #expect(try world.state()?.checkpoint == time(now - now % second))
}

@Test(arguments: ["bigint", "timestamp without time zone"])
func `what commits while pages are read does not move the checkpoint`(format: String) async throws {
  let table = MemoryTable("items", ["id": "bigint", "field": format], notNull: ["field"])
  var world = await World([table], fields: ["items": "field"])
  world.settings.batchSize = 4
  world.settings.lookback = .milliseconds(4)
  // By the field, not by key.
  world.settings.initialBackfill = .last(.seconds(86_400))
  let token: @Sendable (Int) -> JSONToken = { number in
    format == "bigint"
      ? int(number) : text(TimeText.timestamp(noon - hour + Int64(number) * 1_000, offset: ""))
  }
  await world.source.change { source in
    for id in 11...20 where id != 17 { source.put("items", [int(id), token(id)]) }
    source.after = { source, request in
      let pages = source.requests.count {
        $0.kind == .read && $0.count > 1 && $0.table == table.name
      }
      guard pages == 2, source.row("items", int(17)) == nil else { return nil }
      // Taken before 18 and committed after the page that has it; then many more.
      source.put("items", [int(17), token(17)])
      for id in 21...90 { source.put("items", [int(id), token(id)]) }
      return nil
    }
  }
  await world.pass()
  #expect(await world.target.row("items", int(17)) == nil)
  await world.pass()
  await world.expectEqual()
}

@Test func `another configuration reads what its checkpoint cannot tell`() async {
  let table = MemoryTable(
    "items",
    [
      "id": "bigint", "updated_at": "timestamp with time zone", "version": "bigint", "code": "text",
    ],
    notNull: ["updated_at", "version"])
  var world = await World([table])
  world.settings.initialBackfill = .last(.seconds(3_600))
  let now = world.now
  await world.source.change { source in
    source.put("items", [int(1), time(now), int(1), text("a")])
  }
  await world.pass()
  world.wait(90 * day)
  await world.source.change { source in
    source.put("items", [int(2), time(now + day), int(2), text("b")])
  }
  world.tables = [
    TableConfiguration(name: table.name, primaryKeys: ["id"], incrementalFields: ["version"])
  ]
  await world.pass()
  await world.expectEqual()
  world.tables = [
    TableConfiguration(
      name: table.name, primaryKeys: ["id"], incrementalFields: ["none", "updated_at"])
  ]
  world.wait(90 * day)
  await world.source.change { source in
    source.put("items", [int(3), time(now + 2 * day), int(3), text("c")])
  }
  await world.pass()
  await world.expectEqual()
}

@Test func `a column that got another type is read from the start`() async {
  let before = MemoryTable(
    "items", ["id": "bigint", "at": "timestamp without time zone"], notNull: ["at"])
  var world = await World([before], fields: ["items": "at"])
  world.settings.initialBackfill = .last(.seconds(3_600))
  let now = world.now
  await world.source.change { source in
    // Local time, two hours east.
    source.put("items", [int(1), text(TimeText.timestamp(now + 2 * hour, offset: ""))])
  }
  world.wait(3 * hour)
  await world.pass()
  let after = MemoryTable(
    "items", ["id": "bigint", "at": "timestamp with time zone"], notNull: ["at"])
  for project in [world.source, world.target] {
    await project.change { project in
      project.tables[after.name] = after
      project.put("items", [int(1), time(now)])
    }
  }
  await world.source.change { $0.put("items", [int(2), time(now + hour)]) }
  await world.pass()
  await world.expectEqual()
}
