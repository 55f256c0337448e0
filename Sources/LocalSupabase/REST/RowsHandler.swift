import JSON
import Transport

/// A request for a table's rows.
struct RowsHandler {
  let handler: RequestHandler
  let caller: RequestHandler.Caller
  let path: String
  let name: String

  private var request: ServerRequest { handler.request }

  func answer(_ string: QueryString) async throws(RequestError) -> ServerAnswer {
    let query = try Query(string)
    let isRead = request.method == "GET" || request.method == "HEAD"
    var offers: [MediaType] = [
      .json, .arrayStripped, .object(isStripped: true), .object(isStripped: false), .geoJSON, .csv,
    ]
    if isRead { offers += [.octets, .text, .xml] }
    let type = try MediaType.negotiated(accept: request.headers["accept"], offers: offers)
    let (schema, isNamed) = try handler.schema()
    let cached = handler.service.cache.current.tables[.init(schema: schema, name: name)]
    let table = TableSQL(schema: schema, name: name, table: cached)
    let preferences = Preferences(request.headers)
    let range = try RowRange(
      string.parameters, header: request.method == "GET" ? request.headers["range"] : nil)
    let reply = RowsReply(
      request: request, preferences: preferences, type: type, schema: isNamed ? schema : nil)
    if isRead {
      return try await read(
        ReadStatement(
          table: table, query: query, range: range.capped(handler.service.options.maxRows),
          preferences: preferences, mediaType: type, maxRows: handler.service.options.maxRows,
          isHead: request.method == "HEAD"),
        reply, location: string.canonical)
    }
    return try await write(table, query, range, reply)
  }

  private func read(
    _ statement: ReadStatement, _ reply: RowsReply, location: String
  ) async throws(RequestError) -> ServerAnswer {
    if [.octets, .text, .xml].contains(statement.mediaType), statement.query.select.count != 1 {
      let name = statement.mediaType.name.split(separator: ";")[0]
      throw RequestError(
        406, "PGRST113", "\(name) requested but more than one column was selected")
    }
    let isPlanned = statement.preferences.counts && !statement.preferences.countsExactly
    let row = try await Execution(
      settings: handler.settings(
        caller, schema: statement.table.schema, path: path, isReadOnly: true),
      statement: statement.sql, explained: isPlanned ? statement.explained : nil,
      needsOneRow: statement.mediaType.isObject,
      exactTotal: statement.preferences.estimates ? statement.maxRows : nil
    ).run(on: handler.service, isAnonymous: caller.isAnonymous)
    return try reply.read(
      row, offset: statement.range.offset,
      location: "/" + name + (location.isEmpty ? "" : "?\(location)"))
  }

  private func write(
    _ table: TableSQL, _ query: Query, _ range: RowRange, _ reply: RowsReply
  ) async throws(RequestError) -> ServerAnswer {
    let action: WriteStatement.Action =
      switch request.method {
      case "POST": .insert
      case "PATCH": .update
      default: .delete
      }
    if request.method == "PUT" {
      throw RequestError(405, "PGRST117", "Unsupported HTTP method: PUT")
    }
    let payload = action == .delete ? nil : try self.payload(query)
    if action != .delete && table.table == nil { throw .nothing }
    if action != .insert, range.limit != nil, query.order.isEmpty {
      throw RequestError(
        400, "PGRST109", "A 'limit' was applied without an explicit 'order'",
        hint: "Apply an 'order' using unique column(s)")
    }
    let statement = WriteStatement(
      action: action, table: table, query: query, range: action == .insert ? .all : range,
      payload: payload, preferences: reply.preferences, mediaType: reply.type)
    let row = try await Execution(
      settings: handler.settings(caller, schema: table.schema, path: path, isReadOnly: false),
      statement: try statement.sql(), needsOneRow: reply.type.isObject
    ).run(on: handler.service, isAnonymous: caller.isAnonymous)
    let hasTarget = query.conflict != nil || !(table.table?.primaryKey ?? []).isEmpty
    return try reply.written(
      row, action, path: "/" + QueryString.encode(name), hasTarget: hasTarget)
  }

  private func payload(_ query: Query) throws(RequestError) -> Payload {
    let header = request.headers["content-type"]
    switch header.map({ MediaType($0) }) ?? .json {
    case .json:
      if let columns = query.columns { return Payload(raw: request.body, columns: columns) }
      return try Payload(reading: request.body)
    case .urlEncoded:
      guard let fields = try? QueryString(request.body) else { throw .brokenDown }
      return Payload(fields: fields.parameters.map { ($0.name, $0.value ?? "") })
    default: throw Payload.refusal("Content-Type not acceptable: \(header ?? "")")
    }
  }
}
