import JSON
import Transport

/// Status and headers around the rows that a statement gave.
struct RowsReply {
  var request: ServerRequest
  var preferences: Preferences
  var type: MediaType
  /// For `Content-Profile`.
  var schema: String?

  func read(
    _ row: StatementRow, offset: Int, location: String
  ) throws(RequestError) -> ServerAnswer {
    var headers = HTTPHeaders()
    let total = preferences.counts ? row.total : nil
    headers.add("Content-Range", RowRange.header(first: offset, count: row.count, total: total))
    headers.add("Content-Location", location)
    headers.add("Content-Type", type.name)
    headers.add("Preference-Applied", preferences.applied([.count]))
    return try page(row, offset: offset, total: total, headers)
  }

  func called(
    _ row: StatementRow, offset: Int, isVoid: Bool
  ) throws(RequestError) -> ServerAnswer {
    var headers = HTTPHeaders()
    let total = preferences.counts ? row.total : nil
    headers.add("Content-Range", RowRange.header(first: offset, count: row.count, total: total))
    headers.add("Preference-Applied", preferences.applied([.parameters, .count]))
    if isVoid { return try finished(204, headers, [], row) }
    headers.add("Content-Type", type.name)
    return try page(row, offset: offset, total: total, headers)
  }

  private func page(
    _ row: StatementRow, offset: Int, total: Int?, _ headers: HTTPHeaders
  ) throws(RequestError) -> ServerAnswer {
    var headers = headers
    headers.add("Content-Profile", schema)
    var status = 200
    if let total {
      if offset > total { return beyond(offset, total, headers) }
      if row.count < total { status = 206 }
    }
    return try finished(status, headers, row.body, row)
  }

  /// The other headers stay as they would have been (`pg-count-exact-beyond`).
  private func beyond(_ offset: Int, _ total: Int, _ headers: HTTPHeaders) -> ServerAnswer {
    let error = RequestError(
      416, "PGRST103", "Requested range not satisfiable",
      details: "An offset of \(offset) was requested, but there are only \(total) rows.")
    var answer = error.answer(for: request)
    answer.headers.fields += headers.fields.filter { $0.name != "Content-Type" }
    return answer
  }

  func written(
    _ row: StatementRow, _ action: WriteStatement.Action, path: String, hasTarget: Bool
  ) throws(RequestError) -> ServerAnswer {
    var headers = HTTPHeaders()
    let total = preferences.counts && preferences.countsExactly ? row.count : nil
    var applied: Set<Preferences.Kind> = [.representation, .count]
    if action != .delete { applied.insert(.missing) }
    if action == .insert {
      if hasTarget { applied.insert(.resolution) }
      headers.add("Location", location(row, path))
    }
    headers.add(
      "Content-Range",
      action == .update
        ? RowRange.header(first: 0, count: row.count, total: total)
        : RowRange.header(first: 1, count: 0, total: total))
    headers.add("Preference-Applied", preferences.applied(applied))
    if preferences.returnsRows {
      headers.add("Content-Type", type.name)
      headers.add("Content-Profile", schema)
    }
    let status = action == .insert ? 201 : preferences.returnsRows ? 200 : 204
    return try finished(status, headers, row.body, row)
  }

  private func location(_ row: StatementRow, _ path: String) -> String? {
    guard let text = row.location,
      let pairs = (try? JSONNode(parsing: Array(text.utf8)))?.array, !pairs.isEmpty
    else { return nil }
    let parts = pairs.compactMap { pair -> String? in
      guard let pair = pair.array, pair.count == 2 else { return nil }
      let (name, value) = (pair[0].string ?? "", pair[1].string ?? "")
      return "\(QueryString.encode(name))=\(QueryString.encode(value))"
    }
    return "\(path)?\(parts.joined(separator: "&"))"
  }

  /// Status and headers may come from the database as well.
  private func finished(
    _ status: Int, _ headers: HTTPHeaders, _ body: [UInt8], _ row: StatementRow
  ) throws(RequestError) -> ServerAnswer {
    var status = status
    var headers = headers
    if let text = row.responseHeaders { try Self.add(text, to: &headers) }
    if let text = row.responseStatus {
      guard let number = Int(text) else {
        throw RequestError(500, "PGRST112", "response.status guc must be a valid status code")
      }
      status = number
    }
    let isHead = request.method == "HEAD"
    return ServerAnswer(
      status: status, headers: headers, body: body,
      framing: isHead || status == 204 ? .none : .chunked, ending: isHead ? .close : .keepAlive)
  }

  /// `response.headers`: an array of objects with one member each. A header that is set there replaces ours.
  private static func add(_ text: String, to headers: inout HTTPHeaders) throws(RequestError) {
    let refusal = RequestError(
      500, "PGRST111",
      "response.headers guc must be a JSON array composed of objects with a single key and a string value"
    )
    guard let objects = (try? JSONNode(parsing: Array(text.utf8)))?.array else { throw refusal }
    for object in objects {
      guard let members = object.members, members.count == 1, let value = members[0].node.string
      else { throw refusal }
      let name = members[0].name
      if name.lowercased() != "set-cookie" {
        headers.fields.removeAll { $0.name.lowercased() == name.lowercased() }
      }
      headers.add(name, value)
    }
  }
}

extension HTTPHeaders {
  mutating func add(_ name: String, _ value: String?) {
    if let value { fields.append(HTTPHeader(name, value)) }
  }
}
