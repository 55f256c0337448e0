import JSON
import Transport

/// What stands before the services of a project: it sends each path to the service whose prefix it has.
enum ProjectGateway {
  /// The request as the REST service sees it, nil if the path is none of its.
  static func restRequest(_ request: ServerRequest) -> ServerRequest? {
    inner(request, prefix: "/rest/v1", becomes: "")
  }

  /// The request as the Realtime service sees it, nil if the path is none of its.
  static func realtimeRequest(_ request: ServerRequest) -> ServerRequest? {
    inner(request, prefix: "/realtime/v1", becomes: "/socket")
  }

  private static func inner(
    _ request: ServerRequest, prefix: String, becomes new: String
  ) -> ServerRequest? {
    guard request.target.starts(with: prefix.utf8) else { return nil }
    var target = Array(new.utf8)
    let rest = request.target.dropFirst(prefix.utf8.count)
    switch rest.first {
    case nil: target.append(UInt8(ascii: "/"))
    case UInt8(ascii: "/"): target += rest
    case UInt8(ascii: "?"): target += [UInt8(ascii: "/")] + rest
    default: return nil
    }
    return ServerRequest(
      method: request.method, target: target, headers: request.headers, body: request.body)
  }

  /// As Supabase's gateway answers a path that leads nowhere.
  static var notFound: ServerAnswer {
    ServerAnswer(
      status: 404, headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8")],
      body: Array(#"{"message":"no Route matched with those values"}"#.utf8))
  }
}
