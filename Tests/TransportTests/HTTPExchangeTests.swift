import Testing
import Transport

/// What a request looks like at the server, and an answer here.
@Suite struct HTTPExchangeTests {
  private static let echo: @Sendable (RawConnection, Int) -> Void = { connection, _ in
    while let request = connection.readRequest() {
      let fields = request.headers.fields.map { "X-Was-\($0.name): \($0.value)" }
      let body = request.method == "HEAD" ? [] : request.body
      connection.answer(
        "200 OK", fields + ["X-Method: \(request.method)", "X-Path: \(request.path)"], body)
    }
  }

  @Test(
    arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    [nil, Array("[{\"id\":1}]".utf8)] as [[UInt8]?])
  func `every method goes out with and without a body`(method: String, body: [UInt8]?) async throws
  {
    let server = RawServer(Self.echo)
    let client = HTTPClient()
    let answer = try await client.send(
      HTTPRequest(
        method: method, url: server.url("/a/../b?c=%2C"),
        headers: [HTTPHeader("Authorization", "Bearer x"), HTTPHeader("X-Empty", "")], body: body))

    #expect(answer.status == 200)
    #expect(answer.headers["X-Method"] == method)
    #expect(answer.headers["x-path"] == "/a/../b?c=%2C")
    #expect(answer.headers["x-was-authorization"] == "Bearer x")
    #expect(answer.headers["x-was-x-empty"] == "")
    #expect(answer.headers["x-was-user-agent"] == "supamirror")
    #expect(answer.headers["x-was-content-type"] == nil)
    let sendsLength =
      (body != nil && method != "HEAD") || ["POST", "PUT", "PATCH"].contains(method)
    #expect(answer.headers["x-was-content-length"] == (sendsLength ? "\(body?.count ?? 0)" : nil))
    #expect(answer.body == (method == "HEAD" ? [] : body ?? []))
  }

  @Test func `twenty megabytes come back as they went`() async throws {
    let server = RawServer(Self.echo)
    let client = HTTPClient()
    let body = (0..<20 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 11) }
    let answer = try await client.send(HTTPRequest(method: "POST", url: server.url(), body: body))
    #expect(answer.body == body)
    #expect(answer.headers["x-was-expect"] == nil, "it would cost a second with some servers")
    #expect(client.statistics.bytesSent > body.count)
    #expect(client.statistics.bytesReceived > body.count)
  }

  @Test func `one connection serves request after request`() async throws {
    let server = RawServer(Self.echo)
    let client = HTTPClient()
    for number in 0..<20 {
      let body = Array("\(number)".utf8)
      let answer = try await client.send(HTTPRequest(method: "POST", url: server.url(), body: body))
      #expect(answer.body == body)
    }
    #expect(server.accepted == 1)
    #expect(client.statistics.connections == 1)
    #expect(client.statistics.requests == 20)
    #expect(client.statistics.failures == 0)
  }

  @Test func `many requests share the connections that are allowed`() async throws {
    let server = RawServer(Self.echo)
    var configuration = HTTPClient.Configuration()
    configuration.connectionsPerHost = 8
    let client = HTTPClient(configuration)
    let echoed = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for number in 0..<200 {
        group.addTask {
          let body = Array("request \(number)".utf8)
          let request = HTTPRequest(method: "POST", url: server.url(), body: body)
          return (number, try await client.send(request).body)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    #expect(echoed.count == 200)
    #expect(echoed.allSatisfy { $0.value == Array("request \($0.key)".utf8) })
    #expect(server.accepted <= 8)
  }

  @Test(arguments: [("GET", 0), ("DELETE", 0), ("POST", 30), ("PATCH", 300_000)])
  func `a kept connection that turns out closed is replaced`(method: String, size: Int) async throws
  {
    let server = RawServer { connection, number in
      while let request = connection.readRequest() {
        // The second request on the first connection finds it closed, unanswered.
        if number == 1 && request.path == "/second" { return }
        connection.answer("200 OK", [], request.body)
      }
    }
    let client = HTTPClient()
    let body = size == 0 ? nil : [UInt8](repeating: 7, count: size)
    _ = try await client.send(HTTPRequest(method: "GET", url: server.url("/first")))
    let answer = try await client.send(
      HTTPRequest(method: method, url: server.url("/second"), body: body))
    #expect(answer.body == body ?? [])
    #expect(server.accepted == 2)
  }

  @Test func `a connection closed after HEAD does not disturb the next request`() async throws {
    let server = RawServer { connection, number in
      guard let request = connection.readRequest() else { return }
      connection.answer("200 OK", [], request.method == "HEAD" ? [] : request.body)
    }
    let client = HTTPClient()
    for _ in 0..<5 {
      #expect(try await client.send(HTTPRequest(method: "HEAD", url: server.url())).status == 200)
      let body = Array("row".utf8)
      let answer = try await client.send(HTTPRequest(method: "POST", url: server.url(), body: body))
      #expect(answer.body == body)
    }
  }

  @Test func `the length that HEAD tells is not waited for`() async throws {
    let server = RawServer { connection, _ in
      while connection.readRequest() != nil {
        connection.write("HTTP/1.1 206 Partial Content\r\nContent-Length: 999999999999\r\n\r\n")
      }
    }
    let answer = try await HTTPClient().send(HTTPRequest(method: "HEAD", url: server.url()))
    #expect(answer.status == 206)
    #expect(answer.body.isEmpty)
  }

  @Test func `a redirect is an answer and goes nowhere`() async throws {
    let other = RawServer(Self.echo)
    let server = RawServer { [location = other.url()] connection, _ in
      while connection.readRequest() != nil {
        connection.answer("307 Temporary Redirect", ["Location: \(location)"])
      }
    }
    let answer = try await HTTPClient().send(
      HTTPRequest(
        method: "GET", url: server.url(), headers: [HTTPHeader("Authorization", "Bearer x")]))
    #expect(answer.status == 307)
    #expect(answer.headers["location"] == other.url())
    #expect(other.accepted == 0)
  }

  @Test(arguments: [
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na:1 \r\ncontent-length:2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nA:\t1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nLink: t\r\n\r\n",
    "HTTP/1.0 200 OK\r\nA: 1\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA:\r\n  1\r\n\r\nok",
  ])
  func `a head is that of the final answer`(bytes: String) async throws {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write(bytes)
    }
    let answer = try await HTTPClient().send(HTTPRequest(method: "GET", url: server.url()))
    #expect(answer.status == 200)
    #expect(answer.headers["a"] == "1")
    #expect(answer.headers["link"] == nil)
    #expect(answer.body == Array("ok".utf8))
  }

  @Test func `a compressed answer is decoded`() async throws {
    let text = Array(String(repeating: "a row like any other\n", count: 1_000).utf8)
    let folder = TemporaryFolder()
    try folder.write("rows", text)
    let compressed = try folder.shell("gzip -9 < rows > rows.gz", reading: "rows.gz")
    let server = RawServer { connection, _ in
      while let request = connection.readRequest() {
        guard request.headers["accept-encoding"]?.contains("gzip") == true else { return }
        connection.answer("200 OK", ["Content-Encoding: gzip"], compressed)
      }
    }
    let client = HTTPClient()
    let answer = try await client.send(HTTPRequest(method: "GET", url: server.url()))
    #expect(answer.body == text)
    #expect(client.statistics.bytesReceived < text.count)
  }
}
