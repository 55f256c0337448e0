import Transport

/// A request for the root document.
struct RootHandler {
  let handler: RequestHandler
  let caller: RequestHandler.Caller
  let path: String

  func answer() async throws(RequestError) -> ServerAnswer {
    let service = handler.service
    let (schema, isNamed) = try handler.schema()
    _ = try MediaType.negotiated(
      accept: handler.request.headers["accept"], offers: [.openAPI, .json, .arrayStripped])
    guard service.options.openAPIMode != .disabled else { throw .nothing }
    var options = OpenAPIOptions(
      schema: schema, schemas: service.options.schemas, host: service.options.openAPIHost)
    options.proxyURI = service.options.openAPIProxyURI
    options.ignoresPrivileges = service.options.openAPIMode == .ignoresPrivileges
    let settings = handler.settings(caller, schema: schema, path: path, isReadOnly: true)
    let body = try await Execution.run(on: service, isAnonymous: caller.isAnonymous) {
      [options] connection in
      try connection.run(script: settings.script)
      let bytes = try OpenAPIDocument.bytes(connection, options)
      try connection.run(script: "commit")
      return bytes
    }
    var headers: HTTPHeaders = [HTTPHeader("Content-Type", MediaType.openAPI.name)]
    if isNamed { headers.add("Content-Profile", schema) }
    let isHead = handler.request.method == "HEAD"
    return ServerAnswer(
      headers: headers, body: body, framing: isHead ? .none : .chunked,
      ending: isHead ? .close : .keepAlive)
  }
}
