import Mirror
import Supabase
import Testing
import Transport

struct BackgroundVerifyTests {
  /// Runs until it has slept for this long by its own clock.
  private func run(
    _ verify: VerifyWorld, every: Duration, for time: Duration,
    sleeping: @escaping @Sendable (World) async -> Void = { _ in }
  ) async -> [TableName: TableVerification] {
    let world = verify.world
    let task = Locked<Task<Void, Never>?>(nil)
    let slept = Locked(Duration.zero)
    let clock = HastyClock { pause in
      world.wait(Int64(pause / .microseconds(1)))
      let sum = slept.withLock { sum in
        sum += pause
        return sum
      }
      if sum >= time { task.withLock { $0 }?.cancel() }
      await sleeping(world)
    }
    let surroundings = Verification.Surroundings(
      source: world.source, target: world.target,
      store: VerifyStore(verify.storage, identity: World.identity), mirror: World.identity.name,
      clock: clock, now: { world.now }, state: { try? world.state($0.name) })
    let background = BackgroundVerify(every: every, surroundings, tables: { world.tables })
    let work = Task {
      while task.withLock({ $0 }) == nil { await Task.yield() }
      await background.run()
    }
    task.withLock { $0 = work }
    await work.value
    return await background.results
  }

  @Test func `tables are compared, and again when it is time`() async throws {
    let verify = await VerifyWorld(300)
    let begin = verify.world.now
    let first = await run(verify, every: .seconds(3_600), for: .seconds(1_800))
    let result = try #require(first[VerifyWorld.items])
    #expect(result.isEqual && result.begunAt - begin == 300 * second)
    // What is known outlives the process; nothing is due yet.
    await verify.lose(70)
    let second = await run(verify, every: .seconds(3_600), for: .seconds(600))
    #expect(second[VerifyWorld.items] == result)
    let third = await run(verify, every: .seconds(3_600), for: .seconds(3_600))
    #expect(third[VerifyWorld.items]?.keys(.missing) == [70])
  }

  @Test func `a project that is down is asked again in peace`() async {
    let verify = await VerifyWorld(300)
    let asked = Locked(0)
    await verify.world.source.change { source in
      source.before = { source, _ in
        asked.withLock { $0 += 1 }
        return source.failure(.cannotConnect)
      }
    }
    let results = await run(verify, every: .seconds(3_600), for: .seconds(3_600))
    #expect(results.isEmpty)
    #expect((1...8).contains(asked.withLock { $0 }))
  }
}
