import Testing
import Transport

@testable import LocalSupabase

private let hello = HTTPAnswer(
  status: 200,
  headers: [
    HTTPHeader("Transfer-Encoding", "chunked"), HTTPHeader("Content-Type", "application/json"),
  ],
  body: Array("hello".utf8))

private let get = "GET /rest/v1/todos?id=eq.1 HTTP/1.1\r\nConnection: close\r\n\r\n"

private let passed =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
  + "5\r\nhello\r\n0\r\n\r\n"

@Suite struct FaultProxyTests {
  @Test func `passes requests and answers on, but for what is of one hop`() async throws {
    let upstream = Upstream { _ in
      HTTPAnswer(
        status: 201,
        headers: [
          HTTPHeader("Content-Length", "9"), HTTPHeader("Content-Encoding", "gzip"),
          HTTPHeader("Content-Range", "*/*"), HTTPHeader("X", "1"), HTTPHeader("X", "2"),
        ], body: Array("[]".utf8))
    }
    let proxy = try FaultProxy.start(upstream: "https://p.test/", transport: upstream)
    let received = await exchange(
      proxy,
      "POST /rest/v1/t%20x?a=%00&b=é HTTP/1.1\r\nHost: 127.0.0.1\r\nPrefer: a\r\nprefer: b\r\n"
        + "Connection: close, X-Hop\r\nX-Hop: 1\r\nAccept-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    )
    #expect(
      received.text
        == "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Range: */*\r\nX: 1\r\nX: 2\r\n\r\n[]"
    )
    let sent = try #require(upstream.requests.first)
    #expect(sent.method == "POST")
    #expect(sent.url == "https://p.test/rest/v1/t%20x?a=%00&b=%C3%A9")
    #expect(sent.headers == [HTTPHeader("Prefer", "a"), HTTPHeader("prefer", "b")])
    #expect(sent.body == Array("{}".utf8))
    #expect(proxy.requestsSeen == 1)
    #expect(proxy.faultsDealt == 0)
    await proxy.stop()
  }

  @Test(arguments: [
    ("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n", 200, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", false),
    (
      "DELETE / HTTP/1.1\r\nConnection: close\r\n\r\n", 204,
      "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", false
    ),
    (
      "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200,
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n\r\n", true
    ),
  ])
  func `no body is made of none`(
    request: String, status: Int, answer: String, sendsBody: Bool
  ) async throws {
    let upstream = Upstream { _ in HTTPAnswer(status: status, headers: [HTTPHeader("A", "b")]) }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream)
    #expect(await exchange(proxy, request).text == answer)
    #expect((upstream.requests.first?.body != nil) == sendsBody)
    await proxy.stop()
  }

  static let faults: [(fault: Fault, text: String, end: SocketClient.End, forwarded: Int)] = [
    (.none, passed, .closed, 1),
    (.latency(.zero), passed, .closed, 1),
    (.reset, "", .reset, 0),
    (
      .cut(afterBodyBytes: 2),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n5\r\nhe",
      .closed, 1
    ),
    (
      .status(
        429, headers: [HTTPHeader("Retry-After", "1")], body: [0x78], contentType: "text/plain"),
      "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 1\r\nContent-Type: text/plain\r\n"
        + "Retry-After: 1\r\n\r\nx", .closed, 0
    ),
    (.afterForwarding(.none), passed, .closed, 1),
    (.afterForwarding(.reset), "", .reset, 1),
    (
      .afterForwarding(.status(500, headers: [], body: [], contentType: "text/plain")),
      "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nContent-Type: text/plain\r\n\r\n",
      .closed, 1
    ),
    (.afterForwarding(.afterForwarding(.reset)), "", .reset, 1),
  ]

  @Test(arguments: faults)
  func `a fault does what it says`(
    fault: Fault, text: String, end: SocketClient.End, forwarded: Int
  ) async throws {
    let upstream = Upstream { _ in hello }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream) { _, number in
      number == 1 ? fault : .none
    }
    let received = await exchange(proxy, get)
    #expect(received == (text, end))
    #expect(upstream.requests.count == forwarded)
    #expect(await exchange(proxy, get).text == passed)
    #expect(proxy.faultsDealt == (fault.isFault ? 1 : 0))
    #expect(
      proxy.requests
        == Array(
          repeating: FaultProxy.Record(method: "GET", target: "/rest/v1/todos?id=eq.1"), count: 2))
    await proxy.stop()
  }

  @Test func `an error page is HTML`() async throws {
    let upstream = Upstream { _ in hello }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream)
    proxy.setFaults { _, _ in .htmlErrorPage(502) }
    let text = await exchange(proxy, get).text
    #expect(text.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    #expect(text.contains("\r\nContent-Type: text/html; charset=UTF-8\r\n"))
    #expect(text.contains("<h1>502 Bad Gateway</h1>"))
    proxy.clearFaults()
    #expect(await exchange(proxy, get).text == passed)
    await proxy.stop()
  }

  @Test(arguments: [(Fault.silence, 0), (.afterForwarding(.silence), 1)])
  func `silence lasts until the proxy goes`(fault: Fault, forwarded: Int) async throws {
    let upstream = Upstream { _ in hello }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream) { _, number in
      number == 1 ? fault : .none
    }
    let client = await SocketClient(port: proxy.port)
    await client.send(get)
    try await proxy.waitForRequest(1)
    #expect(await exchange(proxy, get).text == passed)
    if forwarded == 1 { await upstream.done.wait() }
    await proxy.stop()
    #expect(await client.receiveAll().text == "")
    #expect(upstream.requests.count == forwarded + 1)
    client.close()
  }

  @Test func `the work is done although the client has gone`() async throws {
    let began = Happening()
    let mayEnd = Happening()
    let upstream = Upstream { _ in
      began.happen()
      await mayEnd.wait()
      return Task.isCancelled ? nil : hello
    }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream) { _, number in
      number == 1 ? .afterForwarding(.reset) : .htmlErrorPage(502)
    }
    let client = await SocketClient(port: proxy.port)
    await client.send(get)
    await began.wait()
    client.close()
    // Once this one is answered the proxy has noticed the end of the one before.
    _ = await exchange(proxy, get)
    mayEnd.happen()
    await upstream.done.wait()
    #expect(proxy.upstreamFailures == 0)
    await proxy.stop()
  }

  @Test func `an upstream that fails is a reset`() async throws {
    let upstream = Upstream { _ in nil }
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: upstream)
    let received = await exchange(proxy, get)
    #expect(received == ("", .reset))
    #expect(proxy.upstreamFailures == 1)
    #expect(proxy.faultsDealt == 0)
    await proxy.stop()
  }

  @Test func `waits for the request of a number, or until it is cancelled or stopped`() async throws
  {
    let proxy = try FaultProxy.start(upstream: "http://p.test", transport: Upstream { _ in hello })
    let second = Task { try await proxy.waitForRequest(2) }
    let cancelled = Task { try await proxy.waitForRequest(3) }
    let stopped = Task { try await proxy.waitForRequest(4) }
    for _ in 1...2 { _ = await exchange(proxy, get) }
    try await second.value
    try await proxy.waitForRequest(1)
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    await proxy.stop()
    await #expect(throws: CancellationError.self) { try await stopped.value }
  }
}

private func exchange(_ proxy: FaultProxy, _ request: String) async -> (
  text: String, end: SocketClient.End
) {
  let client = await SocketClient(port: proxy.port)
  defer { client.close() }
  await client.send(request)
  return await client.receiveAll()
}

/// A project in memory: remembers what it was sent. nil fails as an interrupted connection does.
private final class Upstream: HTTPTransport {
  private let sent = Locked<[HTTPRequest]>([])
  private let answer: @Sendable (HTTPRequest) async -> HTTPAnswer?
  /// An answer was made.
  let done = Happening()

  init(_ answer: @escaping @Sendable (HTTPRequest) async -> HTTPAnswer?) { self.answer = answer }

  var requests: [HTTPRequest] { sent.withLock { $0 } }

  func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    sent.withLock { $0.append(request) }
    defer { done.happen() }
    guard let answer = await answer(request) else {
      throw HTTPError(.interrupted, "p.test closed the connection")
    }
    return answer
  }
}
