import Glibc
import Testing
import Transport

/// Each way in which no answer is had, and what is said about it.
@Suite struct HTTPFailureTests {
  /// The error of a request that must fail; nothing in it may tell a secret.
  private func failure(
    _ request: HTTPRequest, of client: HTTPClient = HTTPClient(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) async -> HTTPError? {
    var request = request
    request.headers.fields.append(HTTPHeader("Authorization", "Bearer secret"))
    let error = await #expect(throws: HTTPError.self, sourceLocation: sourceLocation) {
      _ = try await client.send(request)
    }
    #expect(error?.description.contains("secret") == false, sourceLocation: sourceLocation)
    return error
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
    "",
  ])
  func `an answer cut short or broken is an error`(bytes: String) async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write(bytes)
    }
    let error = await failure(HTTPRequest(method: "GET", url: server.url()))
    #expect(error?.kind == .interrupted)
    #expect(error?.description.contains("127.0.0.1:\(server.port)") == true)
    #expect(server.accepted == 1)
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"])
  func `a reset is an error`(bytes: String) async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write(bytes)
      connection.resetAtEnd()
    }
    let body = [UInt8](repeating: 1, count: 100)
    let error = await failure(HTTPRequest(method: "POST", url: server.url(), body: body))
    #expect(error?.kind == .interrupted)
  }

  @Test func `what is not HTTP is said to be so`() async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write("SSH-2.0-OpenSSH_9.2\r\n")
    }
    let error = await failure(HTTPRequest(method: "GET", url: server.url()))
    #expect(error?.kind == .other)
    #expect(error?.description.contains("does not speak HTTP") == true)
  }

  @Test func `a refused connection names host and reason`() async {
    let port = RawServer.unusedPort()
    let error = await failure(HTTPRequest(method: "GET", url: "http://127.0.0.1:\(port)/secret"))
    #expect(error?.kind == .cannotConnect)
    #expect(error?.description == "No connection to 127.0.0.1:\(port): Connection refused.")
  }

  @Test func `a name that does not exist is said to be so`() async {
    // A label over 63 characters is refused before any name server is asked.
    let host = String(repeating: "a", count: 64) + ".invalid"
    let error = await failure(HTTPRequest(method: "GET", url: "http://\(host)/?secret"))
    #expect(error?.kind == .nameNotResolved)
    #expect(error?.description.contains(host) == true)
  }

  @Test(arguments: [
    "", "secret", "example.com/secret", "http://", "http:///secret", "file:///etc/secret",
    "ftp://example.com/secret", "ws://example.com", "gopher://example.com", "secret://example.com",
    "http://user:secret@example.com/", "http://example.com/a secret", "http://example.com/\nsecret",
    "http://example.com/\0secret", "http://example.com:99999/secret",
  ])
  func `an address that cannot be used is refused`(url: String) async {
    let error = await failure(HTTPRequest(method: "GET", url: url))
    #expect(error?.kind == .badURL)
  }

  @Test(arguments: [
    HTTPHeader("X", "a\r\nInjected: secret"), HTTPHeader("X:", "secret"), HTTPHeader("", "secret"),
    HTTPHeader("X", "\0secret"),
  ])
  func `a header field that would break the head is refused`(field: HTTPHeader) async {
    let server = RawServer { _, _ in }
    let error = await failure(HTTPRequest(method: "GET", url: server.url(), headers: [field]))
    #expect(error?.kind == .other)
    #expect(server.accepted == 0)
  }

  enum Oversize: CaseIterable { case contentLength, chunks, gzip }

  @Test(arguments: Oversize.allCases)
  func `an answer over the limit is not held`(oversize: Oversize) async throws {
    let folder = TemporaryFolder()
    let bomb =
      oversize == .gzip
      ? try folder.shell("head -c 20000000 /dev/zero | gzip -9 > bomb", reading: "bomb") : []
    #expect(bomb.count < 1 << 16)
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      switch oversize {
      case .contentLength:
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\nx")
        connection.waitForEnd()
      case .chunks:
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "400\r\n" + String(repeating: "x", count: 1_024) + "\r\n"
        while connection.write(chunk) {}
      case .gzip:
        connection.answer("200 OK", ["Content-Encoding: gzip"], bomb)
        connection.waitForEnd()
      }
    }
    let request = HTTPRequest(method: "GET", url: server.url(), maximumAnswerBytes: 1 << 16)
    #expect(await failure(request)?.kind == .answerTooLarge)
  }

  @Test func `an answer as long as the limit is held`() async throws {
    let server = RawServer { connection, _ in
      while connection.readRequest() != nil {
        connection.answer("200 OK", [], [UInt8](repeating: 1, count: 1_000))
      }
    }
    let client = HTTPClient()
    let fits = HTTPRequest(method: "GET", url: server.url(), maximumAnswerBytes: 1_000)
    #expect(try await client.send(fits).body.count == 1_000)
    let longer = HTTPRequest(method: "GET", url: server.url(), maximumAnswerBytes: 999)
    #expect(await failure(longer, of: client)?.kind == .answerTooLarge)
  }

  @Test func `an endless head is not held`() async {
    let server = RawServer { connection, _ in
      guard connection.readRequest() != nil else { return }
      connection.write("HTTP/1.1 200 OK\r\n")
      while connection.write("X: \(String(repeating: "x", count: 10_000))\r\n") {}
    }
    let error = await failure(HTTPRequest(method: "GET", url: server.url()))
    #expect(error?.kind == .answerTooLarge)
  }
}
