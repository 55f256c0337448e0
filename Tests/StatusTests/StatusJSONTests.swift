import JSON
import Mirror
import Supabase
import Testing

@Suite struct StatusJSONTests {
  @Test(arguments: SampleStatus.all)
  func `what is written is read back as it was`(sample: SampleStatus.Named) throws {
    #expect(try StatusJSON.read(StatusJSON.bytes(sample.status)) == sample.status)
  }

  @Test func `every value comes back, whatever it is`() throws {
    var status = SampleStatus.heldAndQuarantined
    status.mirror = "\u{1B}[2J\"\\\n\u{202E}é😀"
    status.lagLimit = .microseconds(1)
    status.reconcileInterval = .milliseconds(1_500)
    status.heartbeatInterval = .seconds(315_360_000)
    status.feed.problem = "p"
    status.feed.gapSince = SampleStatus.now - 1
    status.feed.missedRows = 7
    status.feed.oddFrames = 8
    status.lags.append(LagSample(time: 0, lag: .microseconds(-1_000_001)))
    for (state, feed) in zip(FeedStatus.State.allCases, TableStatus.Feed.allCases) {
      status.feed.state = state
      status.tables[0].feed = feed
      for code in [ExitCode.clean, .incomplete, .configuration, .project] {
        status.pass.lastExitCode = code
        #expect(try StatusJSON.read(StatusJSON.bytes(status)) == status)
      }
    }
  }

  @Test func `how far copies of whole tables are is told in every form`() throws {
    let root = try JSONNode(parsing: StatusJSON.bytes(SampleStatus.healing))
    let tables = try #require(root["tables"]?.array)
    #expect(tables[0]["copying"]?.isNull == true)
    #expect(tables[1]["copying"]?["rows"]?.int == 470_123)
    #expect(tables[1]["copying"]?["estimatedRows"]?.int == 1_000_000)
    #expect(tables[2]["copying"]?["estimatedRows"]?.isNull == true)
    let text = StatusText(SampleStatus.healing).plain
    #expect(text.contains("\ncopying public.orders: 47 %, 470,123 of ~1,000,000 rows\n"), "\(text)")
    #expect(text.contains("\ncopying public.order_items: 500 rows\n"), "\(text)")
    let metrics = StatusMetrics(SampleStatus.healing).text
    #expect(metrics.contains("supamirror_table_copy_rows{table=\"public.orders\"} 470123\n"))
    #expect(
      metrics.contains("supamirror_table_copy_rows_estimated{table=\"public.orders\"} 1000000\n"))
    #expect(!metrics.contains("copy_rows_estimated{table=\"public.order_items\"}"))
    #expect(!StatusMetrics(SampleStatus.live).text.contains("copy_rows"))
    let page = StatusPage(SampleStatus.healing).html
    #expect(page.contains("Being copied whole: 47 %, 470,123 of ~1,000,000 rows"))
  }

  @Test func `what comparing all rows found is told in every form`() throws {
    var status = SampleStatus.live
    let tables = try #require(try JSONNode(parsing: StatusJSON.bytes(status))["tables"]?.array)
    #expect(tables[0]["verified"]?["isEqual"]?.bool == true)
    #expect(tables[0]["verified"]?["asOf"]?.string == "2026-11-21T11:15:12.345678Z")
    #expect(tables[1]["verified"]?["known"]?.int == 3)
    #expect(tables[2]["verified"]?.isNull == true)
    let metrics = StatusMetrics(status).text
    #expect(metrics.contains("supamirror_table_verified_known{table=\"public.orders\"} 3\n"))
    #expect(!metrics.contains("verified_drift{table=\"public.order_items\"}"))
    #expect(StatusPage(status).html.contains("Proven equal as of"))
    #expect(StatusText(status).plain.contains("\nproven  1 of 6 tables equal in all rows as of"))
    for index in status.tables.indices {
      status.tables[index].verified = status.tables[0].verified
    }
    #expect(StatusText(status).plain.contains("\nproven  all rows of all tables equal as of"))
  }

  @Test func `the keys that programs rely on are there`() throws {
    let root = try JSONNode(parsing: StatusJSON.bytes(SampleStatus.heldAndQuarantined))
    #expect(root["verdict"]?["level"]?.string == "warning")
    #expect(root["ready"]?.bool == true)
    #expect(root["takenAt"]?.string == "2026-11-21T14:15:12.345678Z")
    #expect(root["feed"]?["state"]?.string == "live")
    #expect(root["source"]?["up"]?.bool == true)
    #expect(root["pass"]?["lastClean"]?.string == "2026-11-21T12:45:12.345678Z")
    #expect(root["tables"]?.array?[1]["held"]?.int == 3)
    #expect(root["running"] == nil)
    if case .number(let lag) = root["lagSeconds"]?.value { #expect(lag == "0.412") }
    let names = root.members?.map(\.name) ?? []
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: [
    "", "{", "[]", "{}", #"{"version":1}"#,
    String(decoding: StatusJSON.bytes(SampleStatus.live), as: UTF8.self)
      .replacing(#""state":"live""#, with: #""state":"asleep""#),
    String(decoding: StatusJSON.bytes(SampleStatus.live), as: UTF8.self)
      .replacing(#""lagLimitSeconds":60"#, with: #""lagLimitSeconds":6e1"#),
  ])
  func `what cannot be understood is an error`(text: String) {
    #expect(throws: StatusReadError.self) { try StatusJSON.read(Array(text.utf8)) }
  }

  @Test func `the file is written seldom when nothing happens, and soon when something does`() {
    var file = StatusFile()
    var status = SampleStatus.live
    var writes: [Int] = []
    for second in 0...40 {
      status.takenAt += 1_000_000
      // Something new from second 20 to second 29.
      if (20..<30).contains(second) { status.feed.events += 1 }
      if file.next(status, time: .seconds(second)) != nil { writes.append(second) }
    }
    #expect(writes == [0, 10, 20, 22, 24, 26, 28, 30, 40])
  }
}

@Suite struct StatusAnswerTests {
  private static let file = StatusFile.bytes(SampleStatus.live)
  private static let broken = StatusFile.bytes(SampleStatus.heldAndQuarantined)
  private static let lock = StateLock(process: 77)

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]?
    let lock: StateLock?
    let age: Duration
    let code: ExitCode
    let part: String

    init(
      _ name: String, _ bytes: [UInt8]?, _ lock: StateLock?, _ age: Duration, _ code: ExitCode,
      _ part: String
    ) {
      testDescription = name
      self.bytes = bytes
      self.lock = lock
      self.age = age
      self.code = code
      self.part = part
    }
  }

  static let cases = [
    Case("ready", file, lock, .seconds(3), .clean, ""),
    Case("needs attention", broken, lock, .seconds(3), .incomplete, ""),
    Case("not ready", StatusFile.bytes(SampleStatus.healing), lock, .seconds(3), .incomplete, ""),
    Case("30 seconds old", file, lock, .seconds(30), .clean, ""),
    Case("older", file, lock, .seconds(31), .project, "makes no progress: process 77 runs"),
    Case("not running", file, nil, .seconds(3), .project, "does not run; this was so 3 s ago"),
    Case("no file", nil, nil, .zero, .configuration, "there is no status; start"),
    Case("a pass runs", nil, lock, .zero, .configuration, "process 77 uses the state"),
    Case("damaged", Array("{".utf8), lock, .zero, .configuration, "cannot be read"),
    Case("set-back clock", file, lock, .seconds(-9), .clean, ""),
  ]

  @Test(arguments: cases)
  func `the exit code and the sentence tell the same`(sample: Case) throws {
    let (lock, code, part) = (sample.lock, sample.code, sample.part)
    let now = SampleStatus.now + Int64(sample.age / .microseconds(1))
    for form in [StatusAnswer.Form.text, .colouredText, .json] {
      let answer = StatusAnswer(sample.bytes, path: "/s.status", lock: lock, now: now, form: form)
      #expect(answer.exitCode == code, "\(form)")
      #expect((answer.problem ?? "").contains(part), "\(String(describing: answer.problem))")
      #expect((answer.problem == nil) == part.isEmpty)
      #expect(answer.output.isEmpty == (code == .configuration))
      #expect(answer.output.contains("\u{1B}") == (form == .colouredText && code != .configuration))
      guard form == .json, code != .configuration else { continue }
      let root = try JSONNode(parsing: Array(answer.output.utf8))
      #expect(root["running"]?.bool == (lock != nil))
      #expect(root["process"]?.int == (lock == nil ? nil : 77))
      #expect(root["ageSeconds"] != nil && root["verdict"] != nil)
    }
  }
}
