import JSON
import Testing
import Transport

@testable import Supabase

private let feed = FeedChannel(
  name: "main",
  tables: [
    FeedTable(name: TableName(name: "items"), columns: ["id"]),
    FeedTable(name: TableName(schema: "other", name: "pairs"), columns: ["tenant", "na\"me"]),
  ])

@Suite struct RealtimeChangeTests {
  @Test(arguments: [
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"INSERT","record":{"id":1,"v":"x"}}}"#,
      "main: insert public.items 1"
    ),
    (
      #"{"ids":[7,101],"data":{"schema":"public","table":"items","type":"UPDATE","record":{"id":123456789012345678901234567890.10},"old_record":{"id":2}}}"#,
      "main: update public.items 123456789012345678901234567890.10 was 2"
    ),
    (
      #"{"ids":[102],"data":{"schema":"other","table":"pairs","type":"DELETE","old_record":{"na\"me":"é\n","x":[{}],"tenant":{"a":[1]}}}}"#,
      #"main: delete other.pairs {"a":[1]},"é\n""#
    ),
    // A record over the limit lacks columns; other replica identities lack the key.
    (
      #"{"ids":[102],"data":{"schema":"other","table":"pairs","type":"UPDATE","record":{"tenant":1},"old_record":{"na\"me":1},"errors":["Error 413: Payload Too Large"]}}"#,
      "main: update other.pairs ? was ? with errors"
    ),
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"INSERT","record":{},"errors":["Error 401: Unauthorized"],"commit_timestamp":null}}"#,
      "main: insert public.items ? with errors"
    ),
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"DELETE"}}"#,
      "main: delete public.items ?"
    ),
    // A delete has no new row, an insert no old one, whatever is sent.
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"DELETE","record":{"id":1},"old_record":{"id":2},"errors":[]}}"#,
      "main: delete public.items 2"
    ),
    // The last of two members counts, as everywhere.
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"INSERT","record":{"id":1,"\u0069d":2}}}"#,
      "main: insert public.items 2"
    ),
  ])
  func `a change is read for its key only`(payload: String, event: String) {
    var bench = RealtimeBench()
    bench.startSubscribed([feedOfPlainNames])
    bench.receive(#"[null,null,"realtime:main","postgres_changes",\#(payload)]"#)
    #expect(bench.takeEvents() == [event])
    #expect(bench.machine.statistics.changes == 1 && bench.machine.statistics.oddities.isEmpty)
  }

  /// The bench writes names without escapes, and these need none.
  private var feedOfPlainNames: FeedChannel { feed }

  @Test(arguments: [
    (
      #"{"ids":[9],"data":{"schema":"public","table":"items","type":"INSERT","record":{"id":1}}}"#,
      RealtimeOddity.foreignChange
    ),
    (
      #"{"ids":[],"data":{"schema":"public","table":"items","type":"INSERT","record":{"id":1}}}"#,
      .foreignChange
    ),
    (
      #"{"ids":["101",101.0,1e2,99999999999999999999999],"data":{"schema":"public","table":"items","type":"INSERT","record":{"id":1}}}"#,
      .foreignChange
    ),
    (
      #"{"ids":[101],"data":{"schema":"public","table":"itemx","type":"INSERT","record":{"id":1}}}"#,
      .otherTable
    ),
    (
      #"{"ids":[101],"data":{"schema":"other","table":"items","type":"INSERT","record":{"id":1}}}"#,
      .otherTable
    ),
    (
      #"{"ids":[101],"data":{"schema":"public","table":"items","type":"TRUNCATE","record":{"id":1}}}"#,
      .unreadableChange
    ),
    (
      #"{"ids":[101],"data":{"table":"items","type":"INSERT","record":{"id":1}}}"#,
      .unreadableChange
    ),
    (#"{"ids":101,"data":{"schema":"public","table":"items","type":"INSERT"}}"#, .unreadableChange),
    (#"{"data":{"schema":"public","table":"items","type":"INSERT"}}"#, .unreadableChange),
    (#"{"ids":[101],"data":[]}"#, .unreadableChange), ("[]", .unreadableChange),
    ("null", .unreadableChange),
  ])
  func `what is no change of ours is counted and dropped`(payload: String, oddity: RealtimeOddity) {
    var bench = RealtimeBench()
    bench.startSubscribed([feed])
    for _ in 0..<3 {
      bench.receive(#"[null,null,"realtime:main","postgres_changes",\#(payload)]"#)
    }
    #expect(bench.events.isEmpty)
    #expect(bench.machine.statistics.oddities == [oddity: 3])
    #expect(bench.notices == [oddity])
  }

  @Test(arguments: [
    ("nonsense", RealtimeOddity.notJSON), ("", .notJSON), ("[1,2", .notJSON),
    ("[null,null,\"a\",\"b\",{}] x", .notJSON),
    (String(repeating: "[", count: 100_000), .notJSON),
    (String(repeating: #"{"a":"#, count: 100_000), .notJSON),
    ("{}", .noMessage), ("[]", .noMessage), ("7", .noMessage), ("null", .noMessage),
    (#"[null,null,"a","b"]"#, .noMessage), (#"[null,null,1,"b",{}]"#, .noMessage),
    (#"[null,null,"a",null,{}]"#, .noMessage), (#"[null,null,"\ud800","b",{}]"#, .noMessage),
    (#"[null,null,"realtime:nobody","phx_close",{}]"#, .unknownTopic),
    (#"[null,null,"phoenix","other",{}]"#, .unknownEvent),
    (#"[null,null,"realtime:main","broadcast",{}]"#, .unknownEvent),
    (#"[null,null,"realtime:main","INSERT",{}]"#, .unknownEvent),
    (#"[null,null,"realtime:main","system",[]]"#, .unreadableAnswer),
    (#"[null,null,"realtime:main","system",{"status":"ok"}]"#, .unreadableAnswer),
  ])
  func `a message of no use is counted, told once a connection, and never fatal`(
    text: String, oddity: RealtimeOddity
  ) {
    var bench = RealtimeBench()
    bench.startSubscribed([feed])
    bench.receive(text)
    bench.receive(text)
    #expect(bench.notices == [oddity] && bench.machine.statistics.oddities == [oddity: 2])
    #expect(bench.events.isEmpty && bench.closed.isEmpty && bench.sent.isEmpty)
    bench.end(.lost)
    bench.pass(.seconds(1))
    bench.open()
    bench.forget()
    bench.reply(feed)
    bench.system(feed)
    bench.receive(text)
    #expect(bench.notices == [oddity])
    #expect(bench.takeEvents() == ["subscribed main"])
  }

  @Test func `a binary message is counted`() {
    var bench = RealtimeBench()
    bench.startSubscribed([feed])
    bench.perform(bench.machine.received(.binary([4, 0]), connection: 1, now: .zero))
    #expect(bench.notices == [.binaryMessage])
  }

  @Test func `messages that nobody asked for but servers send are no surprise`() {
    var bench = RealtimeBench()
    bench.startSubscribed([feed])
    bench.receive(#"["1",null,"realtime:main","presence_state",{}]"#)
    bench.receive(#"["1",null,"realtime:main","presence_diff",{"joins":{}}]"#)
    bench.receive(#"["1","55","realtime:main","phx_reply",{"status":"ok","response":{}}, 1, 2]"#)
    #expect(bench.notices.isEmpty && bench.events.isEmpty)
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00Z", 0),
      ("2026-03-01T10:20:30.456Z", 1_772_360_430_456_000),
      ("2026-03-01T10:20:30.456789Z", 1_772_360_430_456_000),
      ("2024-02-29T23:59:59.9Z", 1_709_251_199_900_000),
      ("2024-02-29T23:59:59.98Z", 1_709_251_199_980_000),
      ("2000-12-31T00:00:00.001Z", 978_220_800_001_000),
      ("2026-03-01T10:20:30.Z", nil), ("2026-03-01 10:20:30Z", nil),
      ("2026-03-01T10:20:30.456+00:00", nil), ("2026-13-01T10:20:30.456Z", nil),
      ("2026-03-01T24:20:30.456Z", nil), ("2026-03-01T10:20:30.4x6Z", nil), ("Z", nil), ("", nil),
      ("20260-3-01T10:20:30.456Z", nil),
      ("2026-03-01T10:20:30.45600000000000000000000000Z", nil),
    ] as [(String, Int64?)])
  func `commit times are cut to milliseconds`(text: String, time: Int64?) {
    #expect(microseconds(ofUTC: text) == time)
  }
}
