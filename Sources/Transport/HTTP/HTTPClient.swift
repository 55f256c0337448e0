/// The HTTP client of one project: many requests at once over few kept-alive connections.
///
/// Certificates and host names are always verified, redirects are answers like any other (so credentials stay
/// with the host they were meant for), and only http and https are spoken. Compressed answers are decoded; their
/// header fields stay as they came. An answer is whole by its Content-Length, its last chunk or its HTTP/2 stream
/// end; one that has none of them ends where the server closes the connection, as HTTP/1.0 has it.
///
/// May be called from any task. When its last reference goes, so do its thread and connections.
package actor HTTPClient: HTTPTransport {
  package struct Configuration: Hashable, Sendable {
    /// A PEM file of certificate authorities to trust in place of the system's file of them; nil trusts the
    /// system's. Its folder of them, where libcurl was built with one (as on Debian), is trusted in either case.
    package var caFile: String?
    /// More requests than that wait for their turn, within their time limit. An HTTP/2 connection carries up
    /// to a hundred requests.
    package var connectionsPerHost = 16
    /// From the first packet to the end of the TLS handshake.
    package var connectLimit: Duration = .seconds(10)
    /// A request on which not even one byte a second moves for so long fails, also while it waits for the
    /// first byte. Longer than the slowest statement a server may be asked for.
    package var stallLimit: Duration = .seconds(120)
    /// Whether HTTP/2 is used where a server offers it over TLS.
    package var offersHTTP2 = true
    package var userAgent = "supamirror"

    package init() {}
  }

  /// Counts since the client was made.
  package struct Statistics: Hashable, Sendable {
    /// Requests begun, whatever became of them.
    package var requests = 0
    /// Requests that ended without an answer.
    package var failures = 0
    /// Connections opened.
    package var connections = 0
    /// Bytes of request heads and bodies.
    package var bytesSent = 0
    /// Bytes of answer heads and bodies, before decoding.
    package var bytesReceived = 0
  }

  private let configuration: Configuration
  private let loop: EventLoop<CurlMulti>
  private var isClosed = false

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  package init(_ configuration: Configuration = Configuration()) {
    self.configuration = configuration
    loop = EventLoop(CurlMulti(connectionsPerHost: configuration.connectionsPerHost))
  }

  deinit { loop.stop() }

  /// May be read at any time, from anywhere.
  package nonisolated var statistics: Statistics { loop.source.statistics.withLock { $0 } }

  /// The whole answer, whatever its status. Cancelling the task ends the request at once with `.cancelled`;
  /// what the server has received by then it may still carry out.
  package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer {
    let place = try HTTPPlace(request.url)
    if isClosed || Task.isCancelled { throw .cancelled(place) }
    let transfer = try CurlTransfer(request, to: place, configuration)
    let id = loop.source.nextID()
    let outcome = await withTaskCancellationHandler {
      // By way of `self`: a closure that does not capture it would run on another thread.
      await withCheckedContinuation { self.begin(transfer, id, $0) }
    } onCancel: {
      // Runs on the loop after `begin`, because nothing suspends between the check above and it.
      Task { await self.cancel(id) }
    }
    return try outcome.get()
  }

  /// Ends every request in flight, and any later one, with `.cancelled`.
  package func close() {
    isClosed = true
    loop.source.end()
  }

  private func begin(
    _ transfer: CurlTransfer, _ id: Int,
    _ continuation: CheckedContinuation<CurlMulti.Outcome, Never>
  ) {
    loop.source.begin(transfer, id, continuation)
  }

  private func cancel(_ id: Int) {
    loop.source.cancel(id)
  }
}
