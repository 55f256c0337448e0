import JSON
import Mirror
import Supabase
import Testing
import Transport

struct VerifyTests {
  @Test(arguments: [true, false])
  func `what a pass has copied is equal`(readsRows: Bool) async {
    let verify = await VerifyWorld(2_000, readsRows: readsRows)
    let report = await verify.run()
    #expect(report.exitCode == .clean && report.items.isEqual)
    #expect(report.items.way == (readsRows ? .rows : .digests))
    #expect(report.items.sourceRows == 2_000 && report.items.equalRows == 2_000)
    #expect(VerificationText(report).verdict.hasPrefix("Equal: 2,000 rows"))
    // Digests leave the rows where they are.
    #expect(await verify.world.source.requests.contains { $0.kind == .rpc } == true)
  }

  @Test(arguments: [true, false])
  func `every fault is found, and no other`(readsRows: Bool) async {
    let verify = await VerifyWorld(2_000, readsRows: readsRows)
    let lost = [10, 5_000, 15_550, 20_000]
    let added = [1, 15_555, 60_000, 60_001]
    for id in lost { await verify.lose(id) }
    for id in added { await verify.add(id) }
    // A pair of equal changes, which an exclusive or would not show.
    for id in [200, 210] { await verify.spoil(id) { $0[2] = text("same") } }
    // A value that two rows have swapped, which a sum of columns would not show.
    await verify.spoil(300) { $0[2] = text("v31") }
    await verify.spoil(310) { $0[2] = text("v30") }
    await verify.spoil(400) { $0[3] = raw("{\"a\": 1.0}") }
    await verify.spoil(410) { $0[2] = text("") }
    await verify.spoil(420) { $0[2] = .null }
    let report = await verify.run()
    #expect(report.exitCode == .incomplete)
    #expect(report.items.keys(.missing) == lost)
    #expect(report.items.keys(.extra) == added)
    #expect(report.items.keys(.different) == [200, 210, 300, 310, 400, 410, 420])
    #expect(report.items.columns == ["value": 6, "data": 1])
    #expect(report.known == 0 && report.drift == 15)
  }

  @Test(arguments: [true, false])
  func `a target without rows, and one with rows of its own`(readsRows: Bool) async {
    let verify = await VerifyWorld(1_000, readsRows: readsRows)
    await verify.world.target.change { $0.tables[VerifyWorld.items]!.rows = [:] }
    #expect(await verify.run().items[.missing] == 1_000)
    let other = await VerifyWorld(1, readsRows: readsRows)
    for id in 100..<1_500 { await other.add(id) }
    let report = await other.run()
    #expect(report.items[.extra] == 1_400 && report.drift == 1_400)
    #expect(report.items.faults.count == TableVerification.mostFaults)
  }

  @Test(arguments: [true, false])
  func `another order of keys on the target hides nothing and shows nothing`(
    readsRows: Bool
  ) async {
    let verify = await VerifyWorld(600, readsRows: readsRows)
    await verify.world.target.change { $0.tables[VerifyWorld.items]!.isReversed = true }
    #expect(await verify.run().exitCode == .clean)
    await verify.lose(5_000)
    await verify.add(5_005)
    await verify.spoil(70) { $0[2] = text("other") }
    let report = await verify.run()
    #expect(report.items.keys(.missing) == [5_000])
    #expect(report.items.keys(.extra) == [5_005])
    #expect(report.items.keys(.different) == [70])
  }

  @Test(arguments: [true, false])
  func `what the mirror brings while one waits is no fault`(readsRows: Bool) async {
    var verify = await VerifyWorld(1_000, readsRows: readsRows)
    await verify.world.source.change { source in
      for id in 1...50 { source.put("items", [int(id), time(noon), text("new"), .null]) }
      for id in 1...20 { source.erase("items", int(id * 10 + 500)) }
    }
    await verify.lose(9_000)
    verify.sleeping = { await $0.pass() }
    let report = await verify.run()
    #expect(report.items.keys(.missing) == [9_000])
    #expect(report.drift == 1 && report.known == 0)
  }

  @Test(arguments: [true, false])
  func `what the mirror has yet to bring is told apart`(readsRows: Bool) async {
    let verify = await VerifyWorld(1_000, readsRows: readsRows)
    let now = verify.world.now
    await verify.world.source.change { source in
      for id in 1...5 { source.put("items", [int(id), time(now), text("new"), .null]) }
      source.put("items", [int(70), time(now), text("changed"), .null])
      for id in 1...3 { source.erase("items", int(id * 100)) }
    }
    await verify.lose(9_000)
    let report = await verify.run()
    #expect(report.items.keys(.pending) == [1, 2, 3, 4, 5, 70, 100, 200, 300])
    #expect(report.items.keys(.missing) == [9_000])
    #expect(report.exitCode == .incomplete)
  }

  @Test func `held deletes and refused rows are known`() async throws {
    let verify = await VerifyWorld(100)
    let now = verify.world.now
    await verify.world.target.change { target in
      target.rule = { _, row in row["id"] == int(5) ? .refuse("23514") : .accept }
    }
    await verify.world.source.change { source in
      source.put("items", [int(5), time(now - 1), text("bad"), .null])
      source.put("items", [int(6), time(now), text("good"), .null])
      for id in 1...60 { source.erase("items", int(id * 10)) }
    }
    let pass = await verify.world.pass()
    try #require(pass.items.held == 60 && pass.items.quarantined == 1)
    let report = await verify.run()
    #expect(report.drift == 0)
    #expect(report.items.keys(.quarantined) == [5])
    #expect(report.items[.held] == 60 && report.known == 61)
    #expect(VerificationText(report).verdict.contains("Equal but for 61"))
  }

  @Test func `what JSON cannot carry is found and is no drift`() async {
    let verify = await VerifyWorld(1_000)
    await verify.world.source.change { source in
      source.tables[VerifyWorld.items]!.put(
        [int(50), time(noon - day), text("v5"), MemoryTable.jsonNull])
    }
    await verify.spoil(50) { $0[3] = .null }
    let report = await verify.run()
    #expect(report.items.keys(.uncarried) == [50])
    #expect(report.drift == 0 && report.exitCode == .incomplete)
  }

  @Test(arguments: [true, false])
  func `a row that never stands still is no fault, and is said`(readsRows: Bool) async {
    var verify = await VerifyWorld(500, readsRows: readsRows)
    await verify.spoil(50) { $0[2] = text("behind") }
    verify.sleeping = { world in
      let now = world.now
      await world.source.change { source in
        source.put("items", [int(50), time(now), text("\(now)"), .null])
      }
    }
    let report = await verify.run()
    #expect(report.items.keys(.unsettled) == [50])
    #expect(report.drift == 0 && report.exitCode == .incomplete)
  }

  @Test func `a running mirror has the time of a pass before a difference counts`() async {
    let passBegan = Locked<Int64?>(nil)
    var verify = await VerifyWorld(500)
    let begin = verify.world.now
    await verify.lose(70)
    verify.activity = { _ in
      MirrorActivity(isRunning: true, lastPassBegan: passBegan.withLock { $0 })
    }
    verify.sleeping = { world in
      guard world.now - begin >= 60 * second else { return }
      passBegan.withLock { $0 = $0 ?? world.now }
    }
    let report = await verify.run()
    #expect(report.items.keys(.missing) == [70])
    #expect(verify.world.now - begin > 60 * second && verify.world.now - begin < 90 * second)
  }

  @Test(arguments: ["42883", "42501"])
  func `a function that fails is replaced by reading rows`(code: String) async {
    let verify = await VerifyWorld(2_000)
    await verify.world.target.change { target in
      target.before = { target, request in
        request.function == "sync_digest_sums" ? target.error(400, code) : nil
      }
    }
    await verify.lose(70)
    let report = await verify.run()
    #expect(report.items.way == .rows && report.items.notes.count == 1)
    #expect(report.items.keys(.missing) == [70] && report.drift == 1)
  }

  @Test func `servers that digest otherwise are compared by rows`() async {
    let verify = await VerifyWorld(100)
    await verify.world.target.change { $0.digestForm = "2" }
    let report = await verify.run()
    #expect(report.items.way == .rows && report.exitCode == .clean)
  }

  @Test(arguments: [true, false], [1, 2, 3, 5, 8, 13, 21])
  func `a comparison that ends anywhere goes on there`(readsRows: Bool, requests: Int) async {
    let verify = await VerifyWorld(4_000, readsRows: readsRows)
    let lost = [10, 1_000, 20_000, 39_990]
    for id in lost { await verify.lose(id) }
    for id in [5, 20_505, 40_005] { await verify.add(id) }
    let failing = Locked(requests)
    await verify.world.target.change { target in
      target.before = { target, request in
        guard [.rpc, .read, .rows].contains(request.kind) else { return nil }
        let isOver = failing.withLock { left in
          left -= 1
          return left < 0
        }
        return isOver ? target.failure(.cannotConnect) : nil
      }
    }
    let first = await verify.run()
    #expect(first.exitCode == (failing.withLock { $0 } < 0 ? .project : .incomplete))
    await verify.world.target.change { $0.before = { _, _ in nil } }
    let report = await verify.run()
    #expect(report.items.keys(.missing) == lost)
    #expect(report.items.keys(.extra) == [5, 20_505, 40_005])
    #expect(report.drift == 7)
    #expect(report.items.sourceRows == 4_000)
  }

  @Test func `a result is remembered, and a new comparison begins anew`() async {
    let verify = await VerifyWorld(100)
    await verify.lose(70)
    let first = await verify.run()
    let kept = await VerifyStore(verify.storage, identity: World.identity).results
    #expect(kept[VerifyWorld.items] == first.items)
    await verify.world.target.change { $0.rule = { _, _ in .accept } }
    await verify.world.source.change { source in
      let now = source.clock.withLock { $0 }
      source.put("items", [int(70), time(now), text("again"), .null])
    }
    await verify.world.pass()
    #expect(await verify.run().exitCode == .clean)
    let other = MirrorIdentity(epoch: "other", name: "test")
    #expect(await VerifyStore(verify.storage, identity: other).results.isEmpty)
  }

  @Test func `keys are shown only where that is asked for`() async {
    let verify = await VerifyWorld(100)
    await verify.lose(770)
    let report = await verify.run()
    for text in [VerificationText(report).plain, VerificationText(report).markdown] {
      #expect(!text.contains("770") && text.contains("1 missing"))
    }
    #expect(VerificationText(report, showsKeys: true).plain.contains("770"))
    #expect(!report.json(showsKeys: false).contains("770"))
    #expect(report.json(showsKeys: true).contains("\"missing\":[[770]]"))
  }
}
