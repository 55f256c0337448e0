import JSON
import Mirror
import Testing
import Transport
import supamirror

@Suite struct StatusRouterTests {
  private static func router(
    _ status: MirrorStatus = SampleStatus.live, isAlive: Bool = true
  ) -> StatusRouter {
    StatusRouter(status: { status }, isAlive: { isAlive })
  }

  @Test(arguments: [
    ("/", 200, "text/html; charset=utf-8", "<!doctype html>"),
    ("/?x=1", 200, "text/html; charset=utf-8", "<!doctype html>"),
    ("/status.json", 200, "application/json", "{\"verdict\""),
    ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "# HELP supamirror_"),
    ("/readyz", 200, "text/plain; charset=utf-8", "ready\n"),
    ("/healthz", 200, "text/plain; charset=utf-8", "alive\n"),
    ("/favicon.ico", 404, "text/plain; charset=utf-8", "There are"),
    ("/status.json/", 404, "text/plain; charset=utf-8", "There are"),
    ("http://evil.example/", 404, "text/plain; charset=utf-8", "There are"),
    ("", 404, "text/plain; charset=utf-8", "There are"),
  ])
  func `each path has its answer`(target: String, status: Int, type: String, start: String) async {
    for method in ["GET", "HEAD"] {
      let answer = await Self.router().answer(
        method: method, target: target, hosts: ["localhost:8080"])
      let headers = Dictionary(
        uniqueKeysWithValues: answer.headers.map { ($0.name, $0.value) })
      #expect(answer.status == status)
      #expect(headers["Content-Type"] == type)
      #expect(headers["Cache-Control"] == "no-store")
      #expect(headers["X-Content-Type-Options"] == "nosniff")
      #expect(headers["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
      #expect(String(decoding: answer.body, as: UTF8.self).hasPrefix(start))
    }
  }

  @Test func `not ready and not alive are 503 with the reasons`() async {
    let ready = await Self.router(SampleStatus.sourceDown).answer(
      method: "GET", target: "/readyz", hosts: ["127.0.0.1"])
    #expect(ready.status == 503)
    let lines = String(decoding: ready.body, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 3 && lines[0].hasPrefix("the source is unreachable"), "\(lines)")
    let health = await Self.router(isAlive: false).answer(
      method: "GET", target: "/healthz", hosts: ["127.0.0.1"])
    #expect(health.status == 503)
  }

  @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "get", "CONNECT"])
  func `nothing but reading is possible`(method: String) async {
    let answer = await Self.router().answer(method: method, target: "/", hosts: ["localhost"])
    #expect(answer.status == 405)
    #expect(answer.headers.contains { $0.name == "Allow" && $0.value == "GET, HEAD" })
  }

  @Test(arguments: [
    (["localhost"], true), (["LOCALHOST:1"], true), (["127.0.0.1:65535"], true), (["[::1]"], true),
    (["[::1]:8080"], true), ([], false), ([""], false), (["evil.example"], false),
    (["localhost.evil.example"], false), (["evil.localhost"], false), (["127.0.0.1.nip.io"], false),
    (["localhost:80:80"], false), (["localhost:8o80"], false), (["127.0.0.2"], false),
    (["localhost@evil.example"], false), (["localhost:123456"], false), (["0.0.0.0:8080"], false),
    (["localhost", "evil.example"], false), (["evil.example", "localhost"], false),
  ])
  func `only requests to loopback's own names are answered`(hosts: [String], isAnswered: Bool) async
  {
    for target in ["/", "/healthz", "/metrics", "/nothing"] {
      let answer = await Self.router().answer(method: "GET", target: target, hosts: hosts)
      #expect((answer.status == 403) != isAnswered)
    }
  }

  @Test func `the server passes requests on and answers with lengths`() async throws {
    let server = try StatusServer.start(
      port: 0, status: { SampleStatus.live }, isAlive: { true })
    let client = HTTPClient()
    func ask(_ path: String, method: String = "GET", host: String? = nil) async throws -> HTTPAnswer
    {
      try await client.send(
        HTTPRequest(
          method: method, url: server.url + path,
          headers: HTTPHeaders(host.map { [HTTPHeader("Host", $0)] } ?? [])))
    }
    let whole = try await ask("status.json")
    #expect(whole.status == 200)
    #expect(try JSONNode(parsing: whole.body)["mirror"]?.string == SampleStatus.live.mirror)
    let head = try await ask("status.json", method: "HEAD")
    #expect(head.status == 200 && head.body.isEmpty)
    #expect(head.headers["content-length"] == "\(whole.body.count)")
    #expect(try await ask("", host: "evil.example").status == 403)
    #expect(try await ask("", method: "DELETE").status == 405)
    let error = #expect(throws: ConfigurationError.self) {
      try StatusServer.start(
        port: server.port, status: { SampleStatus.live }, isAlive: { true })
    }
    #expect(error?.description.contains("SYNC_STATUS_LISTEN") == true, "\(error as Any)")
    await server.stop()
  }
}
