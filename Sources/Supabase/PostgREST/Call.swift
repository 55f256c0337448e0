import Transport

/// One request of the client before it has a URL's host and a key.
struct Call {
  var method = "GET"
  /// Below `/rest/v1`, percent-encoded, with a slash at its start.
  var path: String
  var query = QueryString()
  var schema: String
  /// Named in errors; nil for the root document and functions.
  var table: TableName?
  var accept = "application/json"
  var prefer: [String] = []
  var body: [UInt8]?

  var isWrite: Bool { method != "GET" }

  init(_ method: String, table: TableName) {
    self.method = method
    self.table = table
    path = "/" + percentEncoded(table.name, leaving: "")
    schema = table.schema
  }

  init(_ method: String, path: String, schema: String) {
    self.method = method
    self.path = path
    self.schema = schema
  }

  func url(of project: Project) -> String {
    project.url.description + "/rest/v1" + path + (query.text.isEmpty ? "" : "?" + query.text)
  }

  func request(to project: Project, origin: String, limits: RequestLimits) -> HTTPRequest {
    var headers: [HTTPHeader] = [
      HTTPHeader("apikey", project.key.secret),
      HTTPHeader("Accept", accept),
      HTTPHeader("User-Agent", "supamirror/\(Version.current)"),
      HTTPHeader("x-supamirror-origin", percentEncoded(origin, leaving: " ,():/@+=")),
      // Reads look at one of them, writes and functions at the other (`prf-post-accept`,
      // `prf-content-on-get`); without it the first exposed schema would answer.
      HTTPHeader(isWrite ? "Content-Profile" : "Accept-Profile", schema),
    ]
    // Supabase's gateway turns the newer keys into a token itself and refuses them as one.
    if !project.key.isSecret && !project.key.isPublishable {
      headers.append(HTTPHeader("Authorization", "Bearer \(project.key.secret)"))
    }
    if !prefer.isEmpty {
      headers.append(HTTPHeader("Prefer", prefer.joined(separator: ", ")))
    }
    if body != nil { headers.append(HTTPHeader("Content-Type", "application/json")) }
    return HTTPRequest(
      method: method, url: url(of: project), headers: HTTPHeaders(headers), body: body,
      timeLimit: limits.requestTime, maximumAnswerBytes: limits.maximumAnswerBytes)
  }
}
