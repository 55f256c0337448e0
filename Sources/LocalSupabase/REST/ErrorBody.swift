import JSON
import Transport

extension RequestError {
  /// What PostgreSQL's error is answered with.
  ///
  /// - Parameter isAnonymous: the request runs as the anonymous role, with or without a token.
  init(_ error: PostgresError, isAnonymous: Bool) {
    guard let code = error.sqlstate else {
      self = .connectionLost
      return
    }
    self.init(
      Self.status(code, message: error.message, isAnonymous: isAnonymous), code, error.message,
      details: error.detail, hint: error.hint)
    if code.hasPrefix("PT"), let number = Int(code.dropFirst(2)) {
      status = number
      reason = error.message
    }
    if status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
    if status == 503 { headers.append(("Retry-After", "0")) }
  }

  /// The connection broke under the statement (`dbe-terminated`).
  static var connectionLost: RequestError {
    RequestError(
      503, "PGRST001", "Database client error. Retrying the connection.",
      details: "no connection to the server\n", headers: [("Retry-After", "0")])
  }

  /// No connection could be made (`down-read-1`).
  static func unreachable(_ message: String) -> RequestError {
    RequestError(
      503, "PGRST000", "Database connection error. Retrying the connection.", details: message,
      headers: [("Retry-After", "1")])
  }

  static var poolTimedOut: RequestError {
    RequestError(
      504, "PGRST003", "Timed out acquiring connection from connection pool.")
  }

  static func badToken(_ words: String) -> RequestError {
    var shown = String.UnicodeScalarView()
    for scalar in words.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { shown.append("\\") }
      shown.append(scalar)
    }
    return RequestError(
      401, "PGRST301", words,
      headers: [
        (
          "WWW-Authenticate",
          "Bearer error=\"invalid_token\", error_description=\"\(String(shown))\""
        )
      ])
  }

  private static func status(_ code: String, message: String, isAnonymous: Bool) -> Int {
    switch code {
    case "23503", "23505": return 409
    case "25006": return 405
    case "P0001": return 400
    case "42883": return message.hasPrefix("function xmlagg(") ? 406 : 404
    case "42P01": return 404
    case "42501": return isAnonymous ? 401 : 403
    case "57P01": return 503
    default: break
    }
    switch code.prefix(2) {
    case "08", "53": return 503
    case "0L", "0P", "28": return 403
    case "54": return 413
    case "09", "25", "2D", "38", "39", "3B", "40", "55", "57", "58", "F0", "HV", "P0", "XX", "PT":
      return 500
    default: return 400
    }
  }

  func answer(for request: ServerRequest) -> ServerAnswer {
    var bytes = Array((body ?? "").utf8)
    if body == nil {
      var writer = JSONWriter()
      writer.beginObject()
      for (name, value) in [
        ("code", code), ("details", details), ("hint", hint), ("message", message),
      ] {
        writer.name(name)
        if let value { writer.string(value) } else { writer.null() }
      }
      writer.endObject()
      bytes = writer.bytes
    }
    var fields = headers.map { HTTPHeader($0.name, $0.value) }
    fields.insert(HTTPHeader("Content-Type", contentType), at: 0)
    let isHead = request.method == "HEAD"
    return ServerAnswer(
      status: status, reason: reason.map { Array($0.utf8) }, headers: HTTPHeaders(fields),
      body: bytes, framing: isHead || status == 204 ? .none : .chunked,
      ending: isHead ? .close : .keepAlive)
  }
}
