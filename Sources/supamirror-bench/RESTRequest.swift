import Transport

/// The least that a request to a project takes.
struct RESTRequest {
  private let end: MirrorSetup.Endpoint

  init(_ end: MirrorSetup.Endpoint) { self.end = end }

  private func make(
    _ method: String, _ query: String, _ body: [UInt8]?, _ extra: [HTTPHeader] = []
  ) -> HTTPRequest {
    let headers = [
      HTTPHeader("apikey", end.key), HTTPHeader("Authorization", "Bearer \(end.key)"),
    ]
    return HTTPRequest(
      method: method, url: "\(end.url)/rest/v1/\(query)", headers: HTTPHeaders(headers + extra),
      body: body, timeLimit: .seconds(600))
  }

  func get(_ query: String) -> HTTPRequest { make("GET", query, nil) }

  func upsert(_ query: String, _ rows: [UInt8]) -> HTTPRequest {
    make(
      "POST", query, rows,
      [
        HTTPHeader("Content-Type", "application/json"),
        HTTPHeader("Prefer", "resolution=merge-duplicates,return=minimal"),
      ])
  }
}
