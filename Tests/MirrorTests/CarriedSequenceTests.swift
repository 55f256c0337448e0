import Supabase
import Testing
import Transport

@testable import Mirror

/// What passes do with sequences.
@Suite struct CarriedSequenceTests {
  private func world(source: Int64, target: Int64) async -> World {
    let world = await World.items()
    await world.source.change { $0.installSequences([SequenceState("items", last: source)]) }
    await world.target.change { $0.installSequences([SequenceState("items", last: target)]) }
    return world
  }

  private func calls(_ project: MemoryProject) async -> [String] {
    await project.requests.map(\.function).filter { $0.hasSuffix("sequences") }
  }

  @Test func `a pass brings the target's sequences as far as the source's`() async {
    let world = await world(source: 120, target: 7)
    let report = await world.pass()
    #expect(report.isClean)
    #expect(await world.target.given("items") == 120)
    #expect(await calls(world.source) == ["sync_sequences"])
    #expect(await calls(world.target) == ["sync_raise_sequences"])
  }

  @Test func `the sequence is asked for after the rows were copied`() async {
    let world = await world(source: 3, target: 0)
    await world.fill(1...3)
    // A row that comes during the pass, and is copied by it, takes the next number.
    await world.source.change { source in
      source.before = { source, request in
        if request.kind == .read, request.query?.order.isEmpty == false {
          source.put("items", [int(4), time(noon), text("new")])
          source.sequences = [SequenceState("items", last: 4)]
        }
        return nil
      }
    }
    await world.pass()
    #expect(await world.target.row("items", int(4)) != nil)
    #expect(await world.target.given("items") == 4)
  }

  @Test func `a target that is further stays so`() async {
    let world = await world(source: 5, target: 80)
    #expect(await world.pass().isClean)
    #expect(await world.target.given("items") == 80)
  }

  @Test func `without the function on one side nothing is asked`() async {
    for side in 0...1 {
      let world = await world(source: 5, target: 1)
      let lacking = side == 0 ? world.source : world.target
      await lacking.change {
        $0.functions.subtract(["sync_sequences", "sync_raise_sequences"])
      }
      #expect(await world.pass().isClean)
      #expect(await calls(world.source) == [])
      #expect(await calls(world.target) == [])
    }
  }

  @Test func `tables of other mirrors are left alone`() async {
    let world = await world(source: 5, target: 1)
    await world.source.change {
      $0.installSequences([SequenceState("items", last: 5), SequenceState("others", last: 9)])
    }
    await world.target.change {
      $0.installSequences([SequenceState("items", last: 1), SequenceState("others", last: 2)])
    }
    await world.pass()
    #expect(await world.target.given("items") == 5)
    #expect(await world.target.given("others") == 2)
  }

  @Test func `a sequence that the target lacks is a note, and no failure`() async {
    let world = await world(source: 5, target: 1)
    await world.target.change { $0.sequences = [] }
    let report = await world.pass()
    #expect(report.isClean)
    #expect(report.items.notes.contains { $0.hasPrefix("id takes its values from a sequence") })
  }

  @Test func `what goes wrong is reported as not mirrored, and the rows are there`() async {
    let failures: [@Sendable (World) async -> Void] = [
      { await $0.target.change { $0.raiseProblem = "it is in use" } },
      { await $0.source.change { $0.sequences[0].lastValue = nil } },
      { world in
        await world.source.change { source in
          source.before = { source, request in
            request.function == "sync_sequences" ? source.error(403, "42501") : nil
          }
        }
      },
      { world in
        await world.target.change { target in
          target.before = { target, request in
            request.function == "sync_raise_sequences" ? target.failure(.timedOut) : nil
          }
        }
      },
    ]
    for fail in failures {
      let world = await world(source: 5, target: 1)
      await world.fill(1...5)
      await fail(world)
      let report = await world.pass()
      #expect(report.stopped == nil)
      #expect(report.unmirrored.count == 1, "\(report.unmirrored)")
      #expect(report.exitCode == .incomplete)
      await world.expectEqual()
      #expect(await world.target.given("items") == 1)
    }
  }

  @Test func `a daemon asks the target only when a sequence has moved on`() async throws {
    let world = await world(source: 5, target: 1)
    let store = try StateStore(world.storage, identity: World.identity)
    let clock = world.clock
    let surroundings = Lane.Surroundings(
      source: world.source, target: world.target, store: store, settings: world.settings,
      log: .none, now: { clock.withLock { $0 } }, progress: { _ in })
    let lanes = Lanes(surroundings)
    for (last, raises) in [(5, 1), (5, 1), (9, 2), (9, 2)] as [(Int64, Int)] {
      await world.source.change { $0.sequences = [SequenceState("items", last: last)] }
      #expect(await Pass(tables: world.tables, surroundings, lanes: lanes).run().isClean)
      #expect(await world.target.given("items") == Int128(last))
      #expect(await calls(world.target).count == raises)
    }
    #expect(await calls(world.source).count == 4)
  }
}
