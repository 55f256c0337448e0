import JSON
import Transport

/// A call of a function.
struct CallHandler {
  let handler: RequestHandler
  let caller: RequestHandler.Caller
  let path: String
  let name: String

  private var request: ServerRequest { handler.request }

  func answer(_ string: QueryString) async throws(RequestError) -> ServerAnswer {
    let isPost = request.method == "POST"
    var query = try Query(string, isCall: !isPost)
    let type = try MediaType.negotiated(
      accept: request.headers["accept"],
      offers: [
        .json, .arrayStripped, .object(isStripped: true), .object(isStripped: false), .geoJSON,
        .csv, .octets, .text, .xml,
      ])
    let (schema, isNamed) = try handler.schema()
    let preferences = Preferences(request.headers)
    let range = try RowRange(
      string.parameters, header: request.method == "GET" ? request.headers["range"] : nil
    ).capped(handler.service.options.maxRows)
    let content = request.headers["content-type"].map { MediaType($0) } ?? .json
    let body = isPost ? try payload(content, query) : nil
    let names = isPost ? Set(body?.columns ?? []) : Set(query.arguments.map(\.name))
    let choice = FunctionChoice(
      name: .init(schema: schema, name: name), arguments: names,
      isSingleObject: preferences.isSingleObject, content: content, isPost: isPost)
    let function = try choice.function(in: handler.service.cache.current)
    if request.method == "OPTIONS" {
      let methods = function.volatility == "v" ? "OPTIONS,POST" : "OPTIONS,GET,HEAD,POST"
      return ServerAnswer(
        headers: [
          HTTPHeader("Access-Control-Allow-Origin", "*"), HTTPHeader("Allow", methods),
        ])
    }
    if function.result != .composite { query.select = [] }
    let arguments = body?.body ?? Self.arguments(query.arguments, of: function)
    let statement = CallStatement(
      function: function, arguments: arguments, names: names,
      isWhole: choice.isWhole(function), query: query, range: range, preferences: preferences,
      mediaType: type,
      cache: handler.service.cache.current)
    let isPlanned = preferences.counts && !preferences.countsExactly
    let row = try await Execution(
      settings: handler.settings(
        caller, schema: schema, path: path,
        isReadOnly: !isPost || function.volatility != "v"),
      statement: statement.sql, explained: nil,
      needsOneRow: type.isObject && !isPlanned
    ).run(on: handler.service, isAnonymous: caller.isAnonymous)
    let reply = RowsReply(
      request: request, preferences: preferences, type: type, schema: isNamed ? schema : nil)
    return try reply.called(row, offset: range.offset, isVoid: function.result == .void)
  }

  private func payload(_ content: MediaType, _ query: Query) throws(RequestError) -> Payload {
    switch content {
    case .json:
      if let columns = query.columns { return Payload(raw: request.body, columns: columns) }
      return try Payload(reading: request.body.isEmpty ? Array("{}".utf8) : request.body)
    case .urlEncoded:
      guard let fields = try? QueryString(request.body) else { throw .brokenDown }
      return Payload(fields: fields.parameters.map { ($0.name, $0.value ?? "") })
    case .text, .octets, .xml: return Payload(raw: request.body, columns: [])
    default:
      throw Payload.refusal(
        "Content-Type not acceptable: \(request.headers["content-type"] ?? "")")
    }
  }

  /// The parameters of a GET as one object of texts; a variadic one gathers its values.
  private static func arguments(
    _ pairs: [(name: String, value: String)], of function: SchemaCache.Function
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    var done: Set<String> = []
    for (name, _) in pairs where done.insert(name).inserted {
      let values = pairs.filter { $0.name == name }.map(\.value)
      writer.name(name)
      if function.parameters.contains(where: { $0.name == name && $0.isVariadic }) {
        writer.beginArray()
        for value in values { writer.string(value) }
        writer.endArray()
      } else {
        writer.string(values.last ?? "")
      }
    }
    writer.endObject()
    return writer.bytes
  }
}

/// Which of several functions of one name is meant.
struct FunctionChoice {
  var name: SchemaCache.Name
  var arguments: Set<String>
  var isSingleObject: Bool
  var content: MediaType
  var isPost: Bool

  func function(in cache: SchemaCache) throws(RequestError) -> SchemaCache.Function {
    let all = cache.functions[name] ?? []
    let named = all.filter(matches)
    let found = named.isEmpty ? all.filter(takesWhole) : named
    if found.count == 1 { return found[0] }
    if found.isEmpty { throw unknown(cache, all) }
    let list = found.map { "\(name.schema).\(name.name)(\(Self.signature($0)))" }
    throw RequestError(
      300, "PGRST203",
      "Could not choose the best candidate function between: \(list.joined(separator: ", "))",
      hint: "Try renaming the parameters or the function itself in the database so function "
        + "overloading can be resolved")
  }

  /// The whole body is its only argument.
  func isWhole(_ function: SchemaCache.Function) -> Bool {
    isSingleObject || !matches(function) && takesWhole(function)
  }

  private func takesWhole(_ function: SchemaCache.Function) -> Bool {
    guard isPost, function.parameters.count == 1, function.parameters[0].name == "" else {
      return false
    }
    return switch (content, function.parameters[0].type) {
    case (.json, "json"), (.json, "jsonb"), (.text, "text"), (.xml, "xml"), (.octets, "bytea"):
      true
    default: false
    }
  }

  private func matches(_ function: SchemaCache.Function) -> Bool {
    let parameters = function.parameters
    if isSingleObject {
      return parameters.count == 1 && ["json", "jsonb"].contains(parameters[0].type)
    }
    if parameters.isEmpty {
      return arguments.isEmpty && !(isPost && [.octets, .text, .xml].contains(content))
    }
    let required = Set(parameters.filter(\.isRequired).map(\.name))
    let optional = Set(parameters.filter { !$0.isRequired }.map(\.name))
    return required.isSubset(of: arguments)
      && arguments.subtracting(required).isSubset(of: optional)
  }

  private static func signature(_ function: SchemaCache.Function) -> String {
    function.parameters.map { "\($0.name) => \($0.type)" }.joined(separator: ", ")
  }

  private func unknown(
    _ cache: SchemaCache, _ all: [SchemaCache.Function]
  ) -> RequestError {
    let full = "\(name.schema).\(name.name)"
    let keys = arguments.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let list = keys.joined(separator: ", ")
    let with =
      keys.isEmpty
      ? " without parameters" : " with parameter\(keys.count == 1 ? "" : "s") \(list)"
    let whole =
      switch content {
      case _ where !isPost: ""
      case .json: " or with a single unnamed json/jsonb parameter"
      case .text: " or with a single unnamed text parameter"
      case .xml: " or with a single unnamed xml parameter"
      case .octets: " or with a single unnamed bytea parameter"
      default: ""
      }
    let signature = keys.isEmpty ? "\(full) without parameters" : "\(full)(\(list))"
    return RequestError(
      404, "PGRST202",
      "Could not find the function \(signature) in the schema cache",
      details:
        "Searched for the function \(full)\(with)\(whole), but no matches were found in the schema cache."
    )
  }
}
