import Supabase

/// A status as one HTML document that needs nothing from elsewhere. It is complete without JavaScript; with it, the
/// page keeps itself fresh and says so when nobody answers any more.
package struct StatusPage: Sendable {
  private let status: MirrorStatus
  private let now: Int64

  package init(_ status: MirrorStatus) {
    self.status = status
    now = status.takenAt
  }

  /// Only the page's own style and script, by their digests, and requests to whoever served it.
  package static let contentSecurityPolicy =
    "default-src 'none'; style-src '\(PageStyle.digest)'; script-src '\(PageScript.digest)'; "
    + "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  package var html: String {
    let verdict = Verdict(status)
    return """
      <!doctype html>
      <html lang="en" data-level="\(verdict.level.rawValue)">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(HTMLText.escaped(verdict.headline)) · Supamirror</title>
      <link rel="icon" href="\(Self.icon(verdict.level))">
      <noscript><meta http-equiv="refresh" content="10"></noscript>
      <style>\(PageStyle.text)</style>
      </head>
      <body>
      <p id="silence" role="alert" hidden></p>
      \(content(verdict))
      <script>\(PageScript.text)</script>
      </body>
      </html>

      """
  }

  private func content(_ verdict: Verdict) -> String {
    """
    <main>
    <header>
    <p class="mirror"><b>Supamirror</b> <span>\(HTMLText.escaped(status.mirror))</span></p>
    <p class="taken">as of <time datetime="\(SpokenTime.stamp(now))">\(Self.clock(now))</time></p>
    </header>
    <section class="verdict \(verdict.level.rawValue)" aria-live="\(verdict.level == .good ? "off" : "polite")">
    <h1>\(HTMLText.escaped(verdict.headline))</h1>
    \(verdict.detail.isEmpty ? "" : "<p>\(HTMLText.sentence(verdict.detail))</p>")
    </section>
    \(list("Needs attention", status.problems, kind: "problems"))
    \(PageFacts(status).html)
    <section>
    <h2>Lag</h2>
    \(LagChart(status).html)
    </section>
    \(PageTables(status).html)
    \(list("Notes", status.notes, kind: "notes"))
    <footer>supamirror \(HTMLText.escaped(status.version)) · <a href="/status.json">status.json</a> · <a href="/metrics">metrics</a> · <a href="/readyz">readyz</a> · <a href="/healthz">healthz</a></footer>
    </main>
    """
  }

  private func list(_ title: String, _ sentences: [String], kind: String) -> String {
    if sentences.isEmpty { return "" }
    let items = sentences.map { "<li>\(HTMLText.sentence($0))</li>" }.joined(separator: "\n")
    return "<section class=\"\(kind)\">\n<h2>\(title)</h2>\n<ul>\n\(items)\n</ul>\n</section>"
  }

  /// `14:03:12 UTC`
  private static func clock(_ time: Int64) -> String {
    TimeText.timestamp(time, offset: "").dropFirst(11).prefix(8) + " UTC"
  }

  /// A dot in the verdict's colour, for the tab.
  private static func icon(_ level: Verdict.Level) -> String {
    let colour =
      switch level {
      case .good: "15803d"
      case .busy: "2563eb"
      case .warning: "d97706"
      case .bad: "dc2626"
      }
    return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
      + "%3Ccircle cx='8' cy='8' r='7' fill='%23\(colour)'/%3E%3C/svg%3E"
  }
}
