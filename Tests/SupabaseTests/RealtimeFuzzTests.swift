import JSON
import Testing
import Transport

@testable import Supabase

/// Whatever a server sends: no crash, and every change told is of a table and columns that were asked for.
@Suite struct RealtimeFuzzTests {
  private static let feed = FeedChannel(
    name: "room",
    tables: [
      FeedTable(name: TableName(name: "t_simple"), columns: ["id"]),
      FeedTable(name: TableName(name: "t_compk"), columns: ["tenant", "id"]),
      FeedTable(name: TableName(name: "t_full"), columns: ["id", "name"]),
    ])

  /// Recorded messages of the tables, as they would come on our channel.
  private static let messages: [[UInt8]] = {
    let names = [
      "full_session_v2", "composite_key", "replica_full", "two_channels", "errors_v2",
      "duplicate_join", "token_expiry", "presence_state", "privileges", "join_bad_params",
    ]
    var messages: [[UInt8]] = []
    for recording in RealtimeRecording.all where names.contains(recording.name) {
      for case .text(let text) in recording.steps.map(\.step) where text.count < 900 {
        let text = String(decoding: text, as: UTF8.self)
          .replacing("realtime:one", with: "realtime:room")
          .replacing("32172604", with: "101").replacing("91516649", with: "102")
          .replacing("89457419", with: "103")
        messages.append(Array(text.utf8))
      }
    }
    return messages
  }()

  private static let splinters: [[UInt8]] = [
    "null", "{}", "[]", "[[]]", "\"\"", "-0", "1e999999999", "-1.5e-400", "0.1",
    String(repeating: "9", count: 400), "\"\\ud800\"", "\"\\u0000\"", "\"\u{1F600}é\"", "101",
    "\"id\":1,", "\"id\":null,", "\"record\":{},", "\"record\":null,", "\"record\":[1],",
    "\"table\":\"t_compk\",", "\"table\":7,", "\"schema\":\"public\",", "\"type\":\"DELETE\",",
    "\"type\":\"UPDATE\",", "\"ids\":[101,101],", "\"ids\":[],", "\"ids\":{},",
    "\"data\":{},", "\"errors\":[\"x\"],", "\"errors\":7,", "\"\\u0069d\":2,", "\"status\":\"ok\",",
    "\"commit_timestamp\":\"2026-99-99T99:99:99.999Z\",", "\"1\"", "\\", "\"", ",", ":", "}", "]",
    "{", "[", "\u{0}", "\t\n ", "\u{FEFF}",
    String(repeating: "[", count: 600), String(repeating: "{\"a\":", count: 600),
    String(repeating: "[", count: 400) + String(repeating: "]", count: 400),
  ].map { Array($0.utf8) }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `mutated messages never crash nor tell what was not asked for`(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var subscribed = RealtimeBench()
    subscribed.startSubscribed([Self.feed])
    #expect(Self.messages.count > 60)
    let columns = Dictionary(
      uniqueKeysWithValues: Self.feed.tables.map { ($0.name, $0.columns.count) })
    var bench = subscribed
    var changes = 0
    for _ in 0..<25_000 {
      var text = Self.messages[random.below(Self.messages.count)]
      for _ in 0..<random.below(4) { Self.mutate(&text, &random) }
      if random.below(50) == 0 {
        text = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      bench.perform(bench.machine.received(.text(text), connection: 1, now: bench.now))
      for event in bench.events {
        guard case .change(let change, let channel, let join) = event else { continue }
        changes += 1
        let count = try #require(columns[change.table])
        guard channel == "room", join == 1, change.key.map({ $0.count == count }) ?? true,
          change.oldKey.map({ $0.count == count }) ?? true,
          change.key == nil || change.kind != .delete,
          change.oldKey == nil || change.kind != .insert,
          ((change.key ?? []) + (change.oldKey ?? [])).allSatisfy({
            (try? JSONToken(checking: $0.bytes)) == $0
          })
        else {
          Issue.record("\(change) of \(String(decoding: text, as: UTF8.self))")
          continue
        }
      }
      bench.forget()
      // A message may have ended the channel, as it should.
      if bench.machine.channels.first?.join == nil { bench = subscribed }
    }
    #expect(changes > 1_000)
  }

  private static func mutate(_ text: inout [UInt8], _ random: inout SplitMix) {
    guard !text.isEmpty else { return }
    let place = random.below(text.count)
    switch random.below(8) {
    case 0: text[place] ^= 1 << UInt8(random.below(8))
    case 1: text[place] = UInt8(truncatingIfNeeded: random.next())
    case 2: text.removeSubrange(place...)
    case 3: text.removeSubrange(place..<min(text.count, place + random.below(20)))
    case 4:
      let other = messages[random.below(messages.count)]
      let start = random.below(other.count)
      text.insert(
        contentsOf: other[start..<min(other.count, start + random.below(60))], at: place)
    case 5: text.insert(contentsOf: splinters[random.below(splinters.count)], at: place)
    case 6:
      // Where a member or an element may stand, so that more of it stays JSON.
      let places = text.indices.filter { text[$0] == UInt8(ascii: "{") }
      guard !places.isEmpty else { return }
      let splinter = splinters[random.below(splinters.count)]
      text.insert(contentsOf: splinter, at: places[random.below(places.count)] + 1)
    default:
      // A value in place of a number.
      let digits = text.indices.filter { text[$0] &- UInt8(ascii: "0") < 10 }
      guard !digits.isEmpty else { return }
      let digit = digits[random.below(digits.count)]
      text.replaceSubrange(digit...digit, with: splinters[random.below(12)])
    }
  }

  @Test(arguments: [10_000, 1_000_000])
  func `nesting costs no stack and hugeness no more than time`(count: Int) {
    var bench = RealtimeBench()
    bench.startSubscribed([Self.feed])
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"id\":", "}]")] {
      let deep =
        String(repeating: open, count: count) + "1" + String(repeating: close, count: count)
      bench.receive(deep)
      bench.receive("[null,null,\"realtime:room\",\"postgres_changes\",\(deep)]")
    }
    #expect(bench.machine.statistics.oddities == [.notJSON: 6])
    // As many ids and columns as there is room for.
    let ids = String(repeating: "7,", count: count / 10) + "101"
    let number = String(repeating: "9", count: count)
    bench.receive(
      #"[null,null,"realtime:room","postgres_changes",{"ids":[\#(ids)],"data":{"schema":"public","table":"t_simple","type":"INSERT","record":{"x":\#(number),"id":\#(number)}}}]"#
    )
    #expect(bench.events.count == 1)
    bench.insert(1, Self.feed, table: "t_simple")
    #expect(bench.events.last?.short == "room: insert public.t_simple 1")
  }
}

/// Random numbers that are the same in every run.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
