/// Why a request is answered with an error; `code` is PostgREST's or PostgreSQL's.
struct RequestError: Error {
  var status: Int
  /// Replaces the status's usual phrase; may be any bytes.
  var reason: String?
  var code: String
  var message: String
  var details: String?
  var hint: String?
  var headers: [(name: String, value: String)] = []
  /// Where the body is not the usual JSON object.
  var body: String?
  var contentType = "application/json; charset=utf-8"

  init(
    _ status: Int, _ code: String, _ message: String, details: String? = nil, hint: String? = nil,
    headers: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.details = details
    self.hint = hint
    self.headers = headers
  }

  static func unparsable(_ what: String, column: Int, details: String) -> RequestError {
    RequestError(
      400, "PGRST100", "\"failed to parse \(what)\" (line 1, column \(column))", details: details)
  }

  /// The body of a path that names nothing.
  static var nothing: RequestError {
    var error = RequestError(404, "", "")
    error.body = "{}"
    return error
  }

  /// What PostgREST says when it breaks down.
  static var brokenDown: RequestError {
    var error = RequestError(500, "", "")
    error.body = "Something went wrong"
    error.contentType = "text/plain; charset=utf-8"
    return error
  }
}
