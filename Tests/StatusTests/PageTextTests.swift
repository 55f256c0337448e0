import Mirror
import Testing
import Transport

@Suite struct PageTextTests {
  /// As `sha256-…` in a Content-Security-Policy.
  private func digest(_ text: Substring) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var bits = 0
    var count = 0
    var text64 = ""
    for byte in SHA256.hash(Array(text.utf8)) {
      bits = bits << 8 | Int(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text64.append(alphabet[bits >> count & 63])
      }
    }
    if count > 0 { text64.append(alphabet[bits << (6 - count) & 63]) }
    while text64.count % 4 != 0 { text64.append("=") }
    return "sha256-" + text64
  }

  private func between(_ start: String, _ end: String, in html: String) throws -> Substring {
    let from = try #require(html.firstRange(of: start)).upperBound
    let rest = html[from...]
    return rest[..<(try #require(rest.firstRange(of: end)).lowerBound)]
  }

  @Test func `the policy allows exactly the page's own style and script`() throws {
    let html = StatusPage(SampleStatus.live).html
    let style = digest(try between("<style>", "</style>", in: html))
    let script = digest(try between("<script>", "</script>", in: html))
    let policy = StatusPage.contentSecurityPolicy
    #expect(policy.contains("style-src '\(style)'"), "PageStyle.digest must be \(style)")
    #expect(policy.contains("script-src '\(script)'"), "PageScript.digest must be \(script)")
    #expect(!policy.contains("unsafe"))
  }
}
