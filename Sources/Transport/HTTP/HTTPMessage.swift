/// One HTTP header field.
package struct HTTPHeader: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// Header fields in the order they were sent; names are compared without regard to case.
package struct HTTPHeaders: Hashable, Sendable, ExpressibleByArrayLiteral {
  package var fields: [HTTPHeader]

  package init(_ fields: [HTTPHeader] = []) { self.fields = fields }
  package init(arrayLiteral elements: HTTPHeader...) { fields = elements }

  /// The first field of that name.
  package subscript(name: String) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name.lowercased() == wanted }?.value
  }
}

/// What is to be sent. The URL is sent as it stands: whoever makes it has percent-encoded it.
package struct HTTPRequest: Sendable {
  package var method: String
  package var url: String
  package var headers: HTTPHeaders
  /// Sent without a copy. HEAD never sends one.
  package var body: [UInt8]?
  /// From the start of the request to the last byte of the answer.
  package var timeLimit: Duration
  /// A longer answer fails with `.answerTooLarge` before it is held in memory.
  package var maximumAnswerBytes: Int

  package init(
    method: String, url: String, headers: HTTPHeaders = [], body: [UInt8]? = nil,
    timeLimit: Duration = .seconds(60), maximumAnswerBytes: Int = 256 << 20
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeLimit = timeLimit
    self.maximumAnswerBytes = maximumAnswerBytes
  }
}

/// What came back, whole. A body that was cut short is an error, never an answer.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: [UInt8]
  /// How long the request waited on this side before it was sent.
  package var queued = Duration.zero

  package init(status: Int, headers: HTTPHeaders = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// No answer was had. The sentence never holds a header, a body or a query string.
package struct HTTPError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The URL cannot be read, or is neither http nor https.
    case badURL
    case nameNotResolved
    case cannotConnect
    /// The TLS handshake or the certificate was refused.
    case tls
    /// The connection ended in the middle of the answer, or before it.
    case interrupted
    /// A time limit passed on a connection that stood: total or low speed.
    case timedOut
    case answerTooLarge
    /// The task was cancelled.
    case cancelled
    case other
  }

  package var kind: Kind
  /// What happened, in one sentence with the host's name.
  package var description: String
  /// How long the request waited on this side before it was sent.
  package var queued = Duration.zero

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// Sends requests; the boundary that tests put a twin in. May be called concurrently. Whoever wants another try
/// calls again: a request is sent once, but for one that found its kept-alive connection closed before any byte
/// of an answer, which goes out again on a fresh connection. So a write must bear being received twice.
package protocol HTTPTransport: Sendable {
  func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPAnswer
}
