/// One request as it came over the wire.
package struct ServerRequest: Sendable {
  /// Any word, in the case that was sent.
  package let method: String
  /// The raw bytes between method and version: nothing is decoded.
  package let target: [UInt8]
  /// As sent, in order, duplicates kept. Only blanks before a value are taken away.
  package let headers: HTTPHeaders
  /// Whole, with the chunks put together.
  package let body: [UInt8]

  package init(method: String, target: [UInt8], headers: HTTPHeaders = [], body: [UInt8] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// What a handler wants to be sent. Nothing is added but the framing: no `Date`, no `Server`.
package struct ServerAnswer: Sendable {
  /// How the client learns where the body ends. A request of HTTP/1.0 gets its body without framing, and
  /// the end of the connection.
  package enum Framing: Sendable {
    /// `Transfer-Encoding: chunked`, the whole body as one chunk, as PostgREST does.
    case chunked
    case contentLength
    /// No body and no length header, e.g. 204 and HEAD. A body is not sent.
    case none
  }

  /// What becomes of the connection.
  package enum Ending: Sendable {
    case keepAlive
    /// Closed in order after the answer; no `Connection: close` is sent.
    case close
    /// Head and framing promise the whole body, this many bytes of it are sent, then the connection is
    /// closed. Under `.chunked` the last chunk is missing however many bytes are allowed.
    case cut(afterBodyBytes: Int)
    /// RST without any answer.
    case reset
    /// Never an answer; the connection is held until the peer or the server goes.
    case silence
  }

  package var status: Int
  /// The reason phrase, sent raw.
  package var reason: [UInt8]
  /// Sent raw after the framing header.
  package var headers: HTTPHeaders
  package var body: [UInt8]
  package var framing: Framing
  package var ending: Ending

  /// Without a `reason` it is the usual one of the status, or empty.
  package init(
    status: Int = 200, reason: [UInt8]? = nil, headers: HTTPHeaders = [], body: [UInt8] = [],
    framing: Framing = .chunked, ending: Ending = .keepAlive
  ) {
    self.status = status
    self.reason = reason ?? Array(Self.usualReason(of: status).utf8)
    self.headers = headers
    self.body = body
    self.framing = framing
    self.ending = ending
  }

  /// The reason phrases as PostgREST's HTTP server writes them; empty for a status it does not know.
  package static func usualReason(of status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Request Entity Too Large"
    case 415: "Unsupported Media Type"
    case 416: "Requested Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Entity"
    case 429: "Too Many Requests"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: ""
    }
  }
}

extension ServerAnswer {
  /// The bytes of the answer in order. The body is one of the pieces, not copied (but where it is cut).
  func pieces(for request: HTTPRequestParser.Request) -> [[UInt8]] {
    let isOld = request.version == .http10
    let hasBody = framing != .none && request.message.method != "HEAD"
    var head: [UInt8] = []
    func put(_ text: String) { head.append(contentsOf: text.utf8) }

    put(isOld ? "HTTP/1.0 " : "HTTP/1.1 ")
    put("\(status) ")
    head.append(contentsOf: reason)
    put("\r\n")
    switch framing {
    case .chunked where !isOld: put("Transfer-Encoding: chunked\r\n")
    case .contentLength: put("Content-Length: \(body.count)\r\n")
    default: break
    }
    for header in headers.fields {
      put("\(header.name): \(header.value)\r\n")
    }
    put("\r\n")
    guard hasBody else { return [head] }

    let isChunked = framing == .chunked && !isOld
    if isChunked && !body.isEmpty {
      put("\(String(body.count, radix: 16))\r\n")
    }
    if case .cut(let count) = ending {
      return [head, Array(body.prefix(max(0, count)))]
    }
    guard isChunked else { return [head, body] }
    return [head, body, Array((body.isEmpty ? "0\r\n\r\n" : "\r\n0\r\n\r\n").utf8)]
  }
}
