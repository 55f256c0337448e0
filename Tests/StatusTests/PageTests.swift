import Glibc
import Mirror
import Supabase
import Testing
import Transport
import supamirror

/// Where pictures of the pages are left, for people to look at.
private enum Pictures {
  static let folder: String? = unsafe getenv("SUPAMIRROR_SCREENSHOTS").map {
    unsafe String(cString: $0)
  }
}

/// The page in a browser, from the server that serves it.
///
/// With `SUPAMIRROR_SCREENSHOTS` set to a folder, pictures of all pages are left there.
@Suite(.serialized, .enabled(if: Browser.isExpected)) struct PageTests {
  private let browser = Browser()

  /// What a server shows; it may change while the server runs.
  private struct Shown: Sendable {
    let status: @Sendable () -> MirrorStatus

    init(_ status: @escaping @Sendable () -> MirrorStatus) { self.status = status }
    init(_ status: MirrorStatus) { self.init { status } }
  }

  private func serve<Result>(
    _ shown: Shown, _ body: (String) async throws -> Result
  ) async throws -> Result {
    let server = try StatusServer.start(port: 0, status: shown.status, isAlive: { true })
    do {
      let result = try await body(server.url)
      await server.stop()
      return result
    } catch {
      await server.stop()
      throw error
    }
  }

  /// What must stand on each page, as text.
  private static let words = [
    "empty": [
      "Copying: the first pass is under way", "No marker row has arrived yet.", "No table",
    ],
    "live": [
      "Live: the copy is 0.4 s behind", "abcdefghijklmnopqrst", "128,934 changes", "22,340,120",
      "shop.Line Items", "median 0.5 s", "8,771 ended, 2 failed", "14:15:12 UTC</time>",
    ],
    "healing": ["Healing: a pass reads what the feed may have missed", "one runs for 2 s", "48"],
    "source-down": [
      "Source unreachable since 14:03 UTC (12 min)", "Connection refused by", "disconnected",
      "does not answer", "The copy is 11 min behind", "last clean 12 min ago",
    ],
    "held": [
      "3 deletes are held, 2 rows are in quarantine", "Live: the copy is 0.4 s behind.",
      "--approve-deletes public.orders", "alter publication supabase_realtime",
      "12 jsonb nulls arrive as SQL NULL", "incomplete",
    ],
    "fifty": [
      "warehouse.tenant_17_measurements has stopped", "warehouse.tenant_50_measurements", "stopped",
      "The column <code>unit</code> is missing", "The other tables go on.",
    ],
  ]

  @Test(arguments: SampleStatus.all)
  func `says how it is, without an error`(sample: SampleStatus.Named) async throws {
    let visit = try await serve(Shown(sample.status)) { try await browser.visit($0) }
    let text = visit.document.replacing("<wbr>", with: "")
    for words in try #require(Self.words[sample.name]) {
      #expect(text.contains(words), "\(words)\n\(text)")
    }
    // Comes from the verdict, so the script has not touched it.
    let level = Verdict(sample.status).level.rawValue
    #expect(text.contains("<html lang=\"en\" data-level=\"\(level)\">"))
    #expect(visit.complaints == [])
  }

  @Test func `keeps itself fresh, and changes only what differs`() async throws {
    let asked = Locked(0)
    let shown = Shown {
      let number = asked.withLock { number in
        number += 1
        return number
      }
      var status = number == 1 ? SampleStatus.heldAndQuarantined : SampleStatus.live
      status.takenAt += Int64(number) * 5_000_000
      return status
    }
    let visit = try await serve(shown) { try await browser.visit($0, time: 12_000) }
    #expect(asked.withLock { $0 } >= 2)
    #expect(visit.document.contains("Live: the copy is"))
    #expect(visit.document.contains("data-level=\"good\""))
    #expect(visit.document.contains("<title>Live: the copy is"))
    #expect(!visit.document.contains("Needs attention"))
    #expect(!visit.document.contains("approve-deletes"))
    #expect(visit.document.contains("role=\"alert\" hidden"))
    #expect(visit.complaints == [])
  }

  @Test func `says so when the daemon shows nothing new`() async throws {
    let visit = try await serve(Shown(SampleStatus.live)) { url in
      try await browser.visit(url, time: 12_000)
    }
    #expect(
      visit.document.contains("No answer from supamirror. What stands below is as of 14:15:12"))
    #expect(visit.document.contains("data-level=\"silent\""))
    #expect(visit.document.contains("<title>No answer"))
  }

  @Test func `nothing in a name or sentence becomes part of the page`() async throws {
    var status = SampleStatus.live
    let attack =
      "<img src=x onerror=document.title='owned'>\"'><script>document.title='owned'</script>"
    status.mirror = attack
    status.problems = [attack, "`\(attack)`"]
    status.notes = [attack]
    status.source.url = "https://\(attack)"
    status.feed.state = .joining
    status.feed.problem = attack
    status.tables = [hostile(attack)]
    let visit = try await serve(Shown(status)) { try await browser.visit($0) }
    #expect(!visit.document.contains("<img"))
    #expect(visit.document.contains("has stopped · Supamirror</title>"))
    #expect(visit.document.contains("&lt;img src=x onerror"))
    #expect(visit.complaints == [])
  }

  private func hostile(_ text: String) -> TableStatus {
    var table = TableStatus(name: TableName(schema: text, name: text), feed: .refused)
    table.feedProblem = text
    table.failure = text
    table.unmirrored = [text]
    return table
  }

  @Test(arguments: SampleStatus.all)
  func `fits a window of 380 pixels`(sample: SampleStatus.Named) async throws {
    // The page's policy lets nobody frame it, so its text goes into a frame that is as narrow.
    let html = StatusPage(sample.status).html
      .replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
    let frame = """
      <!doctype html><iframe width="380" height="12000" frameborder="0" srcdoc="\(html)"></iframe><script>
      onload = () => { const root = document.querySelector("iframe").contentDocument.documentElement;
      document.title = root.scrollWidth + " of " + root.clientWidth + " fit"; };
      </script>
      """
    let folder = try Folder()
    try DurableFile("\(folder.path)/frame.html").replace(with: Array(frame.utf8))
    let visit = try await browser.visit("file://\(folder.path)/frame.html")
    #expect(
      visit.document.contains("<title>380 of 380 fit</title>"), "\(visit.document.suffix(300))")
    if let pictures = Pictures.folder {
      try await browser.screenshot(
        "file://\(folder.path)/frame.html", to: "\(pictures)/\(sample.name)-narrow.png", width: 500,
        height: 1_800, isDark: false)
    }
  }

  @Test(.enabled(if: Pictures.folder != nil), arguments: SampleStatus.all)
  func `pictures`(sample: SampleStatus.Named) async throws {
    let folder = try #require(Pictures.folder)
    try await serve(Shown(sample.status)) { url in
      for (kind, isDark) in [("light", false), ("dark", true)] {
        try await browser.screenshot(
          url, to: "\(folder)/\(sample.name)-\(kind).png", width: 1_200, height: 1_150,
          isDark: isDark)
      }
    }
  }
}
