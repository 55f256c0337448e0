import JSON
import Mirror
import Supabase
import Testing

@Suite struct ReportTests {
  private static func table(
    _ name: String, schema: String = "public", _ change: (inout TableReport) -> Void = { _ in }
  ) -> TableReport {
    var table = TableReport(table: TableName(schema: schema, name: name))
    change(&table)
    return table
  }

  private static func report(
    _ tables: [TableReport], _ change: (inout PassReport) -> Void = { _ in }
  ) -> PassReport {
    var report = PassReport()
    report.tables = tables
    report.elapsed = .milliseconds(12_340)
    change(&report)
    return report
  }

  static let exitCodes: [(String, PassReport, ExitCode)] = [
    ("nothing", report([]), .clean), ("a clean table", report([table("a")]), .clean),
    ("a note", report([table("a") { $0.notes = ["n"] }]), .clean),
    ("held", report([table("a"), table("b") { $0.held = 1 }]), .incomplete),
    ("quarantined", report([table("a") { $0.quarantined = 1 }]), .incomplete),
    ("failed", report([table("a") { $0.failure = "f" }]), .incomplete),
    ("unmirrored", report([table("a") { $0.unmirrored = ["u"] }]), .incomplete),
    ("unmirrored anywhere", report([]) { $0.unmirrored = ["u"] }, .incomplete),
    ("unreachable", report([]) { $0.stopped = "s" }, .project),
    (
      "unreachable, and a table failed",
      report([table("a") { $0.failure = "f" }]) { $0.stopped = "s" }, .project
    ),
    (
      "one project",
      report([]) {
        $0.stopped = "s"
        $0.stopKind = .configuration
      }, .configuration
    ),
    (
      "interrupted",
      report([]) {
        $0.stopped = "s"
        $0.stopKind = .here
      }, .incomplete
    ),
  ]

  @Test(arguments: exitCodes)
  func `the exit code tells what is left to do`(name: String, report: PassReport, code: ExitCode) {
    #expect(report.exitCode == code, "\(name)")
    #expect((ReportText(report).annotation == nil) == (code == .clean))
    let isGreen = ReportText(report).plain.contains("Everything is mirrored")
    #expect(isGreen == (code == .clean), "the sentence and the code say the same")
  }

  private static let full = report([
    table("todos") {
      $0.read = 1_234_567
      $0.upserted = 1_000
      $0.unchanged = 1_233_567
      $0.deleted = 12
      $0.elapsed = .seconds(100)
      $0.lag = .seconds(119)
    },
    table("Line Items", schema: "shop") {
      $0.read = 5
      $0.held = 2_000
      $0.quarantined = 1
      $0.elapsed = .milliseconds(160)
      $0.lag = .seconds(10_000)
      $0.notes = ["the column x is generated and left to the target"]
    },
    table("a|b") {
      $0.failure = "the column `y` is missing on the target; add it there"
      $0.unmirrored = ["3 jsonb nulls"]
    },
  ]) {
    $0.unmirrored = [
      "deletes are not mirrored: the source has no ledger; apply the output of `supamirror migration` to both projects, or set SYNC_DELETES=false"
    ]
  }

  @Test func `the report is a table and what needs a person`() {
    let expected = """
      table                 read  written       same  deleted   held  refused   time   lag
      public.todos     1,234,567    1,000  1,233,567       12      0        0   100s  119s
      shop.Line Items          5        0          0        0  2,000        1   0.2s    2h
      public.a|b               0        0          0        0      0        0   0.0s     –
      total            1,234,572    1,000  1,233,567       12  2,000        1  12.3s    2h

      Needs attention:
        public.a|b: the column `y` is missing on the target; add it there
        shop.Line Items: 2,000 deletes are held. Look at what happened at the source;
          if it is right, run: supamirror --cron --approve-deletes 'shop.Line Items'
        shop.Line Items: 1 row is in quarantine, refused by the target. The state file
          has the keys and reasons; every pass tries them again.
        deletes are not mirrored: the source has no ledger; apply the output of
          `supamirror migration` to both projects, or set SYNC_DELETES=false
        public.a|b: 3 jsonb nulls

      Notes:
        shop.Line Items: the column x is generated and left to the target

      Not everything is mirrored: 1,000 written, 12 deleted in 12.3s.

      """
    #expect(ReportText(Self.full).plain == expected)
  }

  @Test func `ordinary numbers fit into 80 columns`() {
    let tables = ["customers", "order_items"].map { name in
      Self.table(name) {
        $0.read = 12_345
        $0.upserted = 12_345
        $0.lag = .seconds(30)
        $0.elapsed = .seconds(12)
      }
    }
    for line in ReportText(Self.report(tables)).plain.split(separator: "\n") {
      #expect(line.count <= 80, "\(line)")
    }
  }

  @Test func `nothing in Markdown ends a cell or begins a tag`() {
    var report = Self.full
    report.tables[0].failure = "a\nb <script> [x](y) **z** # 5"
    let lines = ReportText(report).markdown.split(separator: "\n")
    #expect(lines.first == "## Supamirror")
    let rows = lines.filter { $0.hasPrefix("|") }
    #expect(rows.count == 6)
    for row in rows {
      let bars = row.replacing("\\|", with: "").count { $0 == "|" }
      #expect(bars == 10, "\(row)")
    }
    #expect(lines.contains { $0.contains("public.a\\|b") })
    #expect(
      lines.contains { $0.contains("&lt;script&gt; \\[x\\](y) \\*\\*z\\*\\* \\# 5") }, "\(lines)")
    #expect(!lines.contains { $0.hasPrefix("b ") })
  }

  @Test func `names cannot move the terminal's cursor`() {
    let name = "a\u{1B}[2Jb\rc\nd\u{202E}e"
    let report = Self.report([
      Self.table(name) {
        $0.failure = "f\u{1B}"
        $0.notes = ["n\u{7}"]
      }
    ])
    for text in [ReportText(report).plain, ReportText(report).markdown] {
      let strange = text.unicodeScalars.filter {
        $0 != "\n" && ($0.value < 0x20 || $0 == "\u{202E}")
      }
      #expect(strange.isEmpty, "\(text.debugDescription)")
      #expect(!text.contains("\nd"))
    }
  }

  @Test func `the approving command can be pasted into a shell`() {
    let report = Self.report([Self.table("it's; rm -rf $HOME") { $0.held = 1 }])
    let text = ReportText(report).annotation ?? ""
    #expect(text.hasSuffix(#"--approve-deletes 'public.it'\''s; rm -rf $HOME'"#), "\(text)")
    #expect(text.contains("1 delete is held"))
  }

  @Test func `programs get everything as JSON`() throws {
    let node = try JSONNode(parsing: Array(Self.full.json.utf8))
    #expect(!Self.full.json.contains("\n"))
    #expect(node["exitCode"]?.int == 1)
    #expect(node["unmirrored"]?.array?.count == 1)
    let tables = try #require(node["tables"]?.array)
    #expect(tables.count == 3)
    #expect(tables[0]["read"]?.int == 1_234_567 && tables[0]["unchanged"]?.int == 1_233_567)
    #expect(tables[1]["schema"]?.string == "shop" && tables[1]["table"]?.string == "Line Items")
    #expect(tables[1]["held"]?.int == 2_000 && tables[1]["quarantined"]?.int == 1)
    #expect(tables[1]["notes"]?.array?.count == 1 && tables[1]["failure"]?.isNull == true)
    #expect(tables[2]["lagSeconds"]?.isNull == true && tables[2]["failure"]?.string != nil)
    #expect(Self.full.json.contains(#""seconds":12.340"#))
    #expect(Self.full.json.contains(#""seconds":0.160,"lagSeconds":10000.000"#))
  }

  @Test func `a terminal's progress is at most ten lines a second`() {
    var progress = Progress(isTerminal: true)
    let a = TableName(name: "a")
    let b = TableName(name: "b")
    #expect(progress.note(a, rows: 10, time: .milliseconds(50)) == nil)
    let first = progress.note(b, rows: 90, time: .milliseconds(100))
    #expect(first?.text == "public.b 90 rows read, 1,000 rows/s")
    #expect(progress.note(a, rows: 1_010, time: .milliseconds(199)) == nil)
    let second = progress.note(a, rows: 2_010, time: .milliseconds(1_100))
    #expect(second?.text == "public.a 2,010 rows read, 2,000 rows/s")
  }

  @Test func `elsewhere progress is a line every ten seconds`() {
    var progress = Progress(isTerminal: false)
    let shown = (1...300).compactMap { tenths in
      progress.note(TableName(name: "a"), rows: tenths, time: .milliseconds(tenths * 100))
    }
    #expect(shown.map(\.rows) == [100, 200, 300])
  }

  @Test func `progress never wraps`() throws {
    var progress = Progress(isTerminal: true)
    let table = TableName(name: String(repeating: "long", count: 40) + "\n")
    let shown = progress.note(table, rows: 1_000_000, time: .seconds(1))
    let line = try #require(shown)
    #expect(line.text.count == 79 && line.text.contains("…") && line.text.hasSuffix("rows/s"))
  }
}
