import Mirror
import Supabase
import Testing

@Suite struct StatusTextTests {
  @Test func `everything is said in a few lines`() {
    let expected = """
      3 deletes are held, 2 rows are in quarantine
      Live: the copy is 0.4 s behind.

      mirror  abc-to-def-0aff0102, up 3 days, supamirror 0.2.0
      source  https://abcdefghijklmnopqrst.supabase.co, up
      target  https://zyxwvutsrqponmlkjihg.supabase.co, up
      feed    live since 13:02 UTC (73 min); last proof 3 s ago; 128,934 events; 2 gaps healed (last in
              1.2 s)
      pass    8,771 ended; 2 failed; last 12 s ago in 0.8 s, not everything is mirrored; last clean 90 min
              ago
      lag     0.4 s (limit 60 s)
      proven  1 of 6 tables equal in all rows as of 3 h ago

      table               feed       lag    written  deleted  held  quarantined  waiting  checked
      public.customers    live     0.4 s      1,834       12     0            0        0     12 s
      public.orders       live     0.6 s    172,053    1,204     3            0        0     12 s
      public.order_items  refused  0.8 s    874,292    6,120     0            0        0     12 s
      shop.Line Items     live     0.4 s        731        5     0            2        0     12 s
      public.audit_log    live     0.5 s  3,191,445   22,340     0            0        0     12 s
      public.countries    off          –         35        0     0            0        0     12 s

      Needs attention:
        public.orders: 3 deletes are held. Look at what happened at the source; if it is right, run:
          `supamirror --cron --approve-deletes public.orders`
        shop.Line Items: 2 rows are in quarantine, refused by the target (last: null value in column
          "total" violates not-null constraint). The state file has the keys and reasons; every pass tries
          them again.
        public.order_items: the source's publication supabase_realtime lacks it; run: alter publication
          supabase_realtime add table public.order_items
        public.audit_log: 12 jsonb nulls arrive as SQL NULL

      Notes:
        shop.Line Items: the column total is generated; the target computes it
        public.countries: "realtime" is false; it is polled

      """
    #expect(StatusText(SampleStatus.heldAndQuarantined).plain == expected)
  }

  @Test(arguments: SampleStatus.all)
  func `a line has at most 100 columns`(sample: SampleStatus.Named) {
    for line in StatusText(sample.status).plain.split(separator: "\n") {
      #expect(line.count <= 100, "\(line)")
    }
  }

  @Test func `large numbers and long names fit as well`() {
    var status = SampleStatus.live
    for (index, count) in [9_999_999, 10_000_000, 123_456_789, 98_765_432_101].enumerated() {
      status.tables[index] = TableStatus(
        name: TableName(schema: "a_schema_with_a_long_name", name: "and_a_table_with_one_too"),
        feed: .unproven)
      status.tables[index].upserted = count
      status.tables[index].deleted = count
      status.tables[index].held = count
      status.tables[index].quarantined = count
      status.tables[index].waiting = count
      status.tables[index].failure = "f"
    }
    let text = StatusText(status).plain
    for part in ["9,999,999", "10.0M", "123.4M", "98,765M", "STOPPED", "a_schema…h_one_too"] {
      #expect(text.contains(part), "\(part)\n\(text)")
    }
    for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
  }

  @Test func `only the coloured form has escapes, whatever names hold`() {
    var status = SampleStatus.live
    status.tables[0] = TableStatus(name: TableName(name: "a\u{1B}[2Jb\rc\u{202E}"), feed: .live)
    status.problems = ["p\u{1B}\n"]
    status.source.url = "u\u{7}"
    let strange = StatusText(status).plain.unicodeScalars.filter {
      $0 != "\n" && ($0.value < 0x20 || $0 == "\u{202E}")
    }
    #expect(strange.isEmpty)
    #expect(StatusText(status).coloured.count { $0 == "\u{1B}" } == 2)
  }
}
