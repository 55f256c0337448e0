import JSON
import Transport

/// What stands before the services of a project: it sends each path to the service whose prefix it has.
enum ProjectGateway {
  /// The target as the REST service sees it, nil if the path is none of its.
  static func restTarget(_ target: [UInt8]) -> [UInt8]? {
    let prefix = Array("/rest/v1".utf8)
    guard target.starts(with: prefix) else { return nil }
    let rest = target.dropFirst(prefix.count)
    switch rest.first {
    case nil: return [UInt8(ascii: "/")]
    case UInt8(ascii: "/"): return Array(rest)
    case UInt8(ascii: "?"): return [UInt8(ascii: "/")] + rest
    default: return nil
    }
  }

  static func restRequest(_ request: ServerRequest) -> ServerRequest? {
    restTarget(request.target).map {
      ServerRequest(
        method: request.method, target: $0, headers: request.headers, body: request.body)
    }
  }

  /// As Supabase's gateway answers a path that leads nowhere.
  static var notFound: ServerAnswer {
    ServerAnswer(
      status: 404, headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8")],
      body: Array(#"{"message":"no Route matched with those values"}"#.utf8))
  }
}
