import Testing
import Transport

/// Certificates, their names, and HTTP/2 over TLS.
@Suite(.enabled(if: ChildProcess.finds("openssl"), "the openssl command makes the certificates"))
struct HTTPSecurityTests {
  /// Leaves `cert.pem` and `key.pem`.
  private func folder(certificateFor name: String) throws -> TemporaryFolder {
    let folder = TemporaryFolder()
    let certificate = try folder.shell(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        + "-keyout key.pem -out cert.pem -subj /CN=test -addext 'subjectAltName=\(name)'",
      reading: "cert.pem")
    #expect(!certificate.isEmpty)
    return folder
  }

  private func server(_ folder: TemporaryFolder) throws -> (ChildProcess, String) {
    let server = try ChildProcess(
      "cd '\(folder.path)' && exec openssl s_server -www -accept 127.0.0.1:0 "
        + "-cert cert.pem -key key.pem")
    return (server, "https://127.0.0.1:\(try server.port(after: "ACCEPT"))/")
  }

  private func client(trusting folder: TemporaryFolder?) -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.caFile = folder.map { "\($0.path)/cert.pem" }
    return HTTPClient(configuration)
  }

  @Test func `a certificate of a named authority is trusted`() async throws {
    let folder = try folder(certificateFor: "IP:127.0.0.1")
    let (server, url) = try server(folder)
    let client = client(trusting: folder)
    let answer = try await client.send(HTTPRequest(method: "GET", url: url))
    #expect(answer.status == 200)
    withExtendedLifetime(server) {}
  }

  @Test(arguments: [("IP:127.0.0.1", false), ("DNS:other.example", true)])
  func `any other certificate is refused`(name: String, trusted: Bool) async throws {
    let folder = try folder(certificateFor: name)
    let (server, url) = try server(folder)
    let client = client(trusting: trusted ? folder : nil)
    let error = await #expect(throws: HTTPError.self) {
      _ = try await client.send(HTTPRequest(method: "GET", url: url + "?secret"))
    }
    #expect(error?.kind == .tls)
    let reason = trusted ? "another name" : "self"
    #expect(error?.description.contains(reason) == true)
    #expect(error?.description.contains("SYNC_CA_FILE") == true)
    #expect(error?.description.contains("secret") == false)
    withExtendedLifetime(server) {}
  }

  @Test func `an authority file that cannot be read is named`() async throws {
    var configuration = HTTPClient.Configuration()
    configuration.caFile = "/nowhere/ca.pem"
    let client = HTTPClient(configuration)
    let server = RawServer { connection, _ in connection.waitForEnd() }
    let error = await #expect(throws: HTTPError.self) {
      _ = try await client.send(HTTPRequest(method: "GET", url: server.url(scheme: "https")))
    }
    #expect(error?.kind == .tls)
    #expect(error?.description.contains("/nowhere/ca.pem") == true)
  }

  @Test func `a connection lost in the handshake is not a refused certificate`() async throws {
    let server = RawServer { _, _ in }
    let client = HTTPClient()
    let error = await #expect(throws: HTTPError.self) {
      _ = try await client.send(HTTPRequest(method: "GET", url: server.url(scheme: "https")))
    }
    #expect(error?.kind == .interrupted)
  }

  @Test(.enabled(if: ChildProcess.finds("node"), "node is the HTTP/2 server"))
  func `HTTP 2 carries many requests over one connection`() async throws {
    let folder = try folder(certificateFor: "IP:127.0.0.1")
    try folder.write(
      "server.js",
      Array(
        """
        const fs = require('fs')
        const server = require('http2').createSecureServer(
          { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') },
          (request, response) => {
            response.setHeader('x-version', request.httpVersion)
            request.pipe(response)
          })
        server.listen(0, '127.0.0.1', () => console.log('ACCEPT :' + server.address().port))
        """.utf8))
    let server = try ChildProcess("cd '\(folder.path)' && exec node server.js")
    let url = "https://127.0.0.1:\(try server.port(after: "ACCEPT"))/"
    let client = client(trusting: folder)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask {
          let body = [UInt8](repeating: UInt8(number), count: number * 10_000)
          let request = HTTPRequest(method: "POST", url: url, body: body)
          let answer = try await client.send(request)
          #expect(answer.headers["x-version"] == "2.0")
          #expect(answer.body == body)
        }
      }
      try await group.waitForAll()
    }
    #expect(client.statistics.connections == 1)
    withExtendedLifetime(server) {}
  }
}
