import JSON
import Transport

/// One request, from its bytes to the answer.
struct RequestHandler {
  enum Target {
    case root
    case table(String)
    case function(String)
  }

  struct Caller {
    var role: String
    var claims: [UInt8]
    var isAnonymous: Bool
  }

  let service: RESTService
  let request: ServerRequest

  func answer() async throws(RequestError) -> ServerAnswer {
    let caller = try caller()
    let sides = request.target.split(
      separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    let (target, path) = try target(sides.first ?? [])
    let string: QueryString
    do { string = try QueryString(sides.count > 1 ? sides[1] : []) } catch { throw .brokenDown }
    switch target {
    case .root: return try await RootHandler(handler: self, caller: caller, path: path).answer()
    case .table(let name):
      if request.method == "OPTIONS" { return try information(name) }
      return try await RowsHandler(handler: self, caller: caller, path: path, name: name)
        .answer(string)
    case .function(let name):
      return try await CallHandler(handler: self, caller: caller, path: path, name: name)
        .answer(string)
    }
  }

  /// Who calls, by the token.
  private func caller() throws(RequestError) -> Caller {
    let anonymous = service.options.anonRole
    guard let token = JSONWebToken.bearer(in: request.headers["authorization"]) else {
      guard let anonymous else { throw Self.anonymousRefused }
      return Caller(role: anonymous, claims: Self.claims(nil, role: anonymous), isAnonymous: true)
    }
    do {
      let token = try JSONWebToken(
        verifying: token, secret: service.options.jwtSecret,
        now: WallClock.system.now())
      guard let role = token.role ?? anonymous else { throw Self.anonymousRefused }
      return Caller(
        role: role, claims: Self.claims(token, role: role), isAnonymous: role == anonymous)
    } catch let refusal as JSONWebToken.Refusal {
      throw .badToken(refusal.description)
    } catch let error as RequestError {
      throw error
    } catch {
      throw .brokenDown
    }
  }

  private static var anonymousRefused: RequestError {
    RequestError(
      401, "PGRST302", "Anonymous access is disabled", headers: [("WWW-Authenticate", "Bearer")])
  }

  /// A token without a role gets the anonymous one as its claim.
  private static func claims(_ token: JSONWebToken?, role: String) -> [UInt8] {
    guard let token else {
      var writer = JSONWriter()
      writer.beginObject()
      writer.name("role")
      writer.string(role)
      writer.endObject()
      return writer.bytes
    }
    return token.claims
  }

  private func target(
    _ bytes: ArraySlice<UInt8>
  ) throws(RequestError) -> (Target, path: String) {
    let pieces = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    var parts: [String] = []
    for piece in pieces.dropFirst() {
      guard let part = try? QueryString.decode(piece, plusIsBlank: false) else {
        throw .brokenDown
      }
      parts.append(part)
    }
    let path = "/" + parts.joined(separator: "/")
    let isRead = ["GET", "HEAD", "OPTIONS"].contains(request.method)
    if parts.isEmpty || parts == [""] {
      guard isRead else { throw .nothing }
      return (.root, path)
    }
    if parts.count == 2, parts[0] == "rpc", parts[1] != "" {
      guard isRead || request.method == "POST" else {
        throw RequestError(405, "PGRST101", "Cannot use the \(request.method) method on RPC")
      }
      return (.function(parts[1]), path)
    }
    guard parts.count == 1 else { throw .nothing }
    guard isRead || ["POST", "PATCH", "DELETE", "PUT"].contains(request.method) else {
      throw RequestError(405, "PGRST117", "Unsupported HTTP method: \(request.method)")
    }
    return (.table(parts[0]), path)
  }

  /// The schema that is asked for; named in the answer if there are several.
  func schema() throws(RequestError) -> (name: String, isNamed: Bool) {
    let schemas = service.options.schemas
    guard schemas.count > 1 else { return (schemas[0], false) }
    let isRead = request.method == "GET" || request.method == "HEAD"
    guard let wanted = request.headers[isRead ? "accept-profile" : "content-profile"] else {
      return (schemas[0], true)
    }
    guard schemas.contains(wanted) else {
      throw RequestError(
        406, "PGRST106",
        "The schema must be one of the following: \(schemas.joined(separator: ", "))")
    }
    return (wanted, true)
  }

  private func information(_ name: String) throws(RequestError) -> ServerAnswer {
    let (schema, _) = try schema()
    guard let table = service.cache.current.tables[.init(schema: schema, name: name)] else {
      throw .nothing
    }
    var methods = ["OPTIONS", "GET", "HEAD"]
    if table.insertable { methods.append("POST") }
    if table.insertable && table.updatable && !table.primaryKey.isEmpty { methods.append("PUT") }
    if table.updatable { methods.append("PATCH") }
    if table.deletable { methods.append("DELETE") }
    return ServerAnswer(
      headers: [
        HTTPHeader("Access-Control-Allow-Origin", "*"),
        HTTPHeader("Allow", methods.joined(separator: ",")),
      ])
  }

  func settings(
    _ caller: Caller, schema: String, path: String, isReadOnly: Bool
  ) -> RequestSettings {
    RequestSettings(
      role: caller.role, claims: caller.claims, schema: schema,
      extraSearchPath: service.options.extraSearchPath, method: request.method, path: path,
      headers: request.headers, isReadOnly: isReadOnly,
      roleSettings: service.cache.current.roleSettings[caller.role] ?? [])
  }
}
