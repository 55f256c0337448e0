package import Transport

/// What goes wrong with one request on its way through a `FaultProxy`.
package indirect enum Fault: Sendable {
  /// Forwarded, and its answer passed back.
  case none
  /// Forwarded after this time; the answer is passed back at once.
  case latency(Duration)
  /// Not forwarded; the connection is reset.
  case reset
  /// Not forwarded and never answered; the connection stays open.
  case silence
  /// Forwarded; the answer promises its whole body and ends after so many bytes of it.
  case cut(afterBodyBytes: Int)
  /// Not forwarded; answered with this. `contentType` comes before `headers`.
  case status(Int, headers: HTTPHeaders, body: [UInt8], contentType: String)
  /// Not forwarded; answered as a gateway does that cannot reach what is behind it: HTML, whatever the
  /// request accepts.
  case htmlErrorPage(Int)
  /// The upstream does the work and its whole answer is had, then this happens instead of that answer.
  /// With `latency` the answer comes late, with `none` as it is.
  case afterForwarding(Fault)

  /// Anything but `none`, however it is wrapped.
  var isFault: Bool {
    switch self {
    case .none: false
    case .afterForwarding(let fault): fault.isFault
    default: true
    }
  }
}

/// Decides about each request, by the request and its number, counted from 1 in the order of arrival.
package typealias FaultScript = @Sendable (ServerRequest, Int) -> Fault

extension Fault {
  /// The answer of a fault that needs nothing of the upstream; nil for `none`, `latency`, `cut`.
  var ownAnswer: ServerAnswer? {
    switch self {
    case .none, .latency, .cut: nil
    case .afterForwarding(let fault): fault.ownAnswer
    case .reset: ServerAnswer(ending: .reset)
    case .silence: ServerAnswer(ending: .silence)
    case .status(let status, let headers, let body, let contentType):
      ServerAnswer(
        status: status,
        headers: HTTPHeaders([HTTPHeader("Content-Type", contentType)] + headers.fields),
        body: body, framing: .contentLength)
    case .htmlErrorPage(let status):
      ServerAnswer(
        status: status, headers: [HTTPHeader("Content-Type", "text/html; charset=UTF-8")],
        body: Array(Self.errorPage(status).utf8), framing: .contentLength)
    }
  }

  private static func errorPage(_ status: Int) -> String {
    let title = "\(status) \(ServerAnswer.usualReason(of: status))"
    return """
      <html>
      <head><title>\(title)</title></head>
      <body>
      <center><h1>\(title)</h1></center>
      <hr><center>gateway</center>
      </body>
      </html>

      """
  }
}
