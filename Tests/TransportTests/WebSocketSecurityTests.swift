import Testing

@testable import Transport

/// Certificates and their names, and messages over TLS.
@Suite(.enabled(if: ChildProcess.finds("openssl"), "the openssl command makes the certificates"))
struct WebSocketSecurityTests {
  /// Leaves `cert.pem` and `key.pem`.
  private func folder(certificateFor name: String, hasExpired: Bool = false) throws
    -> TemporaryFolder
  {
    let folder = TemporaryFolder()
    var command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      + "-keyout key.pem -out cert.pem -subj /CN=test -addext 'subjectAltName=\(name)'"
    if hasExpired {
      command +=
        "; openssl x509 -in cert.pem -signkey key.pem -days -1 -out old.pem && mv old.pem cert.pem"
    }
    let certificate = try folder.shell(command, reading: "cert.pem")
    #expect(!certificate.isEmpty)
    return folder
  }

  /// Answers every request with 200, which it can only do behind a handshake.
  private func server(_ folder: TemporaryFolder) throws -> (ChildProcess, Int) {
    let server = try ChildProcess(
      "cd '\(folder.path)' && exec openssl s_server -www -accept 127.0.0.1:0 "
        + "-cert cert.pem -key key.pem")
    return (server, try server.port(after: "ACCEPT"))
  }

  private func failure(
    _ host: String, certificateFor name: String, hasExpired: Bool = false, isTrusted: Bool = true
  ) async throws -> WebSocketError? {
    let folder = try folder(certificateFor: name, hasExpired: hasExpired)
    let (server, port) = try server(folder)
    var request = WebSocketRequest(url: "wss://\(host):\(port)/?apikey=secret")
    request.caFile = isTrusted ? "\(folder.path)/cert.pem" : nil
    defer { withExtendedLifetime(server) {} }
    return await WebSocketClient().failure(request)
  }

  @Test(arguments: [("127.0.0.1", "IP:127.0.0.1"), ("localhost", "DNS:localhost")])
  func `a certificate of a named authority is trusted`(host: String, name: String) async throws {
    #expect(try await failure(host, certificateFor: name)?.kind == .refused(status: 200))
  }

  @Test(arguments: [
    ("127.0.0.1", "DNS:other.example", "another name"),
    ("localhost", "IP:127.0.0.1", "another name"),
    ("127.0.0.1", "DNS:localhost", "another name"),
    ("localhost", "DNS:*.localhost", "another name"),
  ])
  func `a certificate for another name is refused`(
    host: String, name: String, reason: String
  ) async throws {
    let error = try await failure(host, certificateFor: name)
    #expect(error?.kind == .tls)
    #expect(error?.description.contains(reason) == true)
  }

  @Test func `a certificate of an unknown authority is refused`() async throws {
    let error = try await failure("127.0.0.1", certificateFor: "IP:127.0.0.1", isTrusted: false)
    #expect(error?.kind == .tls)
    #expect(error?.description.contains("self") == true)
    #expect(error?.description.contains("SYNC_CA_FILE") == true)
  }

  @Test func `a certificate that has expired is refused`() async throws {
    let error = try await failure("127.0.0.1", certificateFor: "IP:127.0.0.1", hasExpired: true)
    #expect(error?.kind == .tls)
    #expect(error?.description.contains("expired") == true)
  }

  @Test func `an authority file that cannot be read is named`() async {
    let server = RawServer { connection, _ in connection.waitForEnd() }
    var request = WebSocketRequest(url: server.url("/?apikey=secret", scheme: "wss"))
    request.caFile = "/nowhere/ca.pem"
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .tls)
    #expect(error?.description.contains("/nowhere/ca.pem") == true)
  }

  @Test func `a connection lost in the handshake is not a refused certificate`() async {
    let server = RawServer { _, _ in }
    let request = WebSocketRequest(url: server.url("/?apikey=secret", scheme: "wss"))
    #expect(await WebSocketClient().failure(request)?.kind == .lost)
  }

  @Test func `a server without TLS is not a lost connection`() async {
    let server = RawServer { connection, _ in
      connection.answer("400 Bad Request")
      connection.waitForEnd()
    }
    let request = WebSocketRequest(url: server.url("/?apikey=secret", scheme: "wss"))
    let error = await WebSocketClient().failure(request)
    #expect(error?.kind == .tls)
    #expect(error?.description.contains("No secure connection") == true)
  }

  // Each WebSocket has a TLS context of its own; the handshakes must not take one for another's.
  @Test func `handshakes side by side do not disturb one another`() async throws {
    let folder = try folder(certificateFor: "DNS:localhost")
    let (server, port) = try server(folder)
    await withTaskGroup(of: WebSocketError.Kind?.self) { group in
      for number in 0..<20 {
        let file = number % 2 == 0 ? "\(folder.path)/cert.pem" : nil
        group.addTask {
          let url = "wss://localhost:\(port)/?apikey=secret"
          let kind = await WebSocketClient().failure(WebSocketRequest(url: url, caFile: file))?.kind
          #expect(kind == (file == nil ? .tls : .refused(status: 200)))
          return kind
        }
      }
    }
    withExtendedLifetime(server) {}
  }

  @Test(.enabled(if: ChildProcess.finds("node"), "node takes the TLS off"))
  func `messages go over TLS as they go without`() async throws {
    let (stalls, stalled) = AsyncStream.makeStream(of: Void.self)
    let server = webSocketServer { peer in
      for number in 0..<20 {
        guard let frame = peer.readFrame() else { return }
        peer.write(WebSocketPeer.frame(1, Array("\(number) ".utf8) + frame.payload))
      }
      // Much more than is read while nobody receives, in records that TLS hands out piece by piece.
      for number in 0..<2_000 {
        let text = "\(number) " + String(repeating: "y", count: 20_000)
        let isTaken = peer.connection.write(
          WebSocketPeer.text(text), stalledFor: .milliseconds(300), { stalled.yield() })
        guard isTaken else { return }
      }
      peer.write(WebSocketPeer.close(1001))
      peer.connection.waitForEnd()
    }
    let folder = try folder(certificateFor: "DNS:localhost")
    try folder.write(
      "server.js",
      Array(
        """
        const fs = require('fs')
        const server = require('tls').createServer(
          { key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') },
          (secure) => {
            const plain = require('net').connect(\(server.port), '127.0.0.1')
            for (const end of [secure, plain]) end.on('error', () => {})
            secure.pipe(plain).pipe(secure)
          })
        server.listen(0, '127.0.0.1', () => console.log('ACCEPT :' + server.address().port))
        """.utf8))
    let tunnel = try ChildProcess("cd '\(folder.path)' && exec node server.js")
    let port = try tunnel.port(after: "ACCEPT")
    var request = WebSocketRequest(url: "wss://localhost:\(port)/socket?apikey=secret")
    request.caFile = "\(folder.path)/cert.pem"
    let socket = try await WebSocketClient().connect(request)

    for number in 0..<20 {
      let text = String(repeating: "x", count: number * 50_000)
      try await socket.send(text)
      #expect(try await socket.text() == "\(number) \(text)")
    }
    var iterator = stalls.makeAsyncIterator()
    await iterator.next()
    for number in 0..<2_000 { #expect(try await socket.text().hasPrefix("\(number) ")) }
    #expect(await socket.ending()?.kind == .closed(code: 1001))
    withExtendedLifetime(tunnel) {}
  }
}
