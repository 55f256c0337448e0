import Transport

/// What of a message belongs to one hop only, and how the rest is passed on.
enum Forwarding {
  /// RFC 9110, 7.6.1, and what the transport writes by itself.
  private static let ofOneHop: Set<String> = [
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade", "expect", "host", "content-length",
  ]

  /// The request for the upstream. `Accept-Encoding` stays here: only the transport knows what it decodes.
  static func request(
    _ request: ServerRequest, to upstream: String, timeLimit: Duration, maximumAnswerBytes: Int
  ) -> HTTPRequest {
    HTTPRequest(
      method: request.method, url: upstream + urlText(request.target),
      headers: kept(request.headers, without: ["accept-encoding"]),
      body: hasBody(request) ? request.body : nil, timeLimit: timeLimit,
      maximumAnswerBytes: maximumAnswerBytes)
  }

  /// The upstream's answer, framed as the upstream framed it. The body is decoded already.
  static func answer(_ answer: HTTPAnswer, to request: ServerRequest) -> ServerAnswer {
    let isChunked = answer.headers["Transfer-Encoding"]?.lowercased().contains("chunked") == true
    let isBare =
      request.method == "HEAD" || answer.status == 204 || answer.status == 304
    return ServerAnswer(
      status: answer.status, headers: kept(answer.headers, without: ["content-encoding"]),
      body: answer.body, framing: isBare ? .none : isChunked ? .chunked : .contentLength)
  }

  /// An empty body is sent where one was announced: `Content-Length: 0` of a POST is passed on.
  private static func hasBody(_ request: ServerRequest) -> Bool {
    !request.body.isEmpty || request.headers["Content-Length"] != nil
      || request.headers["Transfer-Encoding"] != nil
  }

  private static func kept(_ headers: HTTPHeaders, without more: Set<String>) -> HTTPHeaders {
    var dropped = ofOneHop.union(more)
    for field in headers.fields where field.name.lowercased() == "connection" {
      for name in field.value.split(whereSeparator: { $0 == "," || $0 == " " }) {
        dropped.insert(name.lowercased())
      }
    }
    return HTTPHeaders(headers.fields.filter { !dropped.contains($0.name.lowercased()) })
  }

  /// A target as part of a URL: bytes that cannot stand in one are percent-encoded.
  private static func urlText(_ target: [UInt8]) -> String {
    var text = ""
    for byte in target {
      if (0x21...0x7E).contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += byte < 0x10 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return text
  }
}
