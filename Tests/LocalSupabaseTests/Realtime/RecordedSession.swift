import JSON
import Testing
import Transport

@testable import LocalSupabase

/// One file of Tests/Transcripts/realtime.
struct RecordedSession: Sendable {
  struct Event: Sendable {
    /// Microseconds since the session began.
    var time: Int64
    var kind: Kind
  }

  enum Kind: Sendable {
    case connect(connection: String, path: String, headers: HTTPHeaders)
    case connected(connection: String)
    case rejected(connection: String, status: Int, body: String)
    case fromClient(connection: String, text: String)
    case fromServer(connection: String, text: String)
    /// A frame that is binary or was cut for the recording.
    case otherFrame(connection: String)
    case clientClose(connection: String)
    case closed(connection: String, code: Int?)
    case sql(String)
    case sqlDone
    case sqlError
    /// A row of the session's writer was committed.
    case commit(id: Int)
    case note(String)
    case sendFailed
  }

  let name: String
  let events: [Event]

  static func path(_ name: String) -> String {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return folders.joined(separator: "/") + "/Transcripts/realtime/" + name
  }

  init(_ name: String) throws {
    self.name = name
    let bytes = try #require(
      try DurableFile(Self.path(name + ".json")).read(), "\(name).json is missing")
    let file = try JSONNode(parsing: bytes)
    events = try #require(file["events"]?.array).map { node in
      Event(
        time: Int64((Double(node["t_ms"]?.token.text ?? "") ?? 0) * 1_000),
        kind: try Self.kind(node, in: name))
    }
  }

  private static func kind(_ node: JSONNode, in name: String) throws -> Kind {
    let connection = node["conn"]?.string ?? ""
    switch node["kind"]?.string {
    case "connect":
      let headers = node["headers"]?.members ?? []
      return .connect(
        connection: connection, path: node["path"]?.string ?? "",
        headers: HTTPHeaders(headers.map { HTTPHeader($0.name, $0.node.string ?? "") }))
    case "connected": return .connected(connection: connection)
    case "connect_rejected":
      return .rejected(
        connection: connection, status: node["status"]?.int ?? 0,
        body: node["body"]?.string ?? "")
    case "frame":
      guard let text = node["text"]?.string, !text.hasSuffix(" chars>") else {
        return .otherFrame(connection: connection)
      }
      return node["dir"]?.string == "client"
        ? .fromClient(connection: connection, text: text)
        : .fromServer(connection: connection, text: text)
    case "client_close": return .clientClose(connection: connection)
    case "closed": return .closed(connection: connection, code: node["received_code"]?.int)
    case "sql": return .sql(node["sql"]?.string ?? "")
    case "sql_done": return .sqlDone
    case "sql_error": return .sqlError
    case "commit": return .commit(id: node["id"]?.int ?? 0)
    case "note": return .note(node["text"]?.string ?? "")
    case "send_failed": return .sendFailed
    default:
      let kind = node["kind"]?.string ?? "?"
      Issue.record("\(name): nothing is known of events of kind \(kind)")
      return .note(kind)
    }
  }

  static let secret = "a secret of the recorded sessions, longer than 32"

  /// The text with its tokens and runs put in.
  ///
  /// - Parameter base: seconds since 1970 that the tokens' times count from.
  static func filled(_ text: String, base: Int64) -> String {
    var filled = ""
    var rest = text[...]
    // Arrays of PostgreSQL begin with two braces too.
    while let start = rest.firstRange(of: "{{") {
      filled += rest[..<start.lowerBound]
      let words = rest[start.upperBound...].prefix { $0 != "}" }
      let parts = words.split(separator: ":", maxSplits: 1).map(String.init)
      rest = rest[words.endIndex...].dropFirst(2)
      switch (parts.first, parts.last) {
      case ("JWT"?, let name?): filled += token(name, base: base)
      case ("RUN"?, let run?):
        let count = Int(run.drop { $0 != ":" }.dropFirst()) ?? 0
        filled += String(repeating: String(run.prefix(1)), count: count)
      default:
        filled += "{{"
        rest = text[start.upperBound...]
      }
    }
    return filled + rest
  }

  private static func token(_ name: String, base: Int64) -> String {
    var secret = secret
    var role: String? = "service_role"
    var expires: Int64? = base + 3_600
    var more = ""
    switch name {
    case "service_role", "service_role_refreshed": more = #","name":"\#(name)""#
    case "wrong_secret": secret = "another secret, which is as long as the right one"
    case "no_role": role = nil
    case "no_exp": expires = nil
    case "expired": expires = base - 50
    case "expired_100s_ago": expires = base - 100
    case "no_such_role": role = "no_such_role"
    case "anon": role = "anon"
    default:
      if name.hasPrefix("service_role_expires_in_") {
        expires = base + (Int64(name.filter(\.isNumber)) ?? 0)
      } else {
        // authenticated:user-1
        let parts = name.split(separator: ":")
        role = String(parts[0])
        more = #","sub":"\#(parts.last ?? "")""#
      }
    }
    let claims =
      [role.map { #""role":"\#($0)""# }, expires.map { #""exp":\#($0)"# }]
      .compactMap(\.self).joined(separator: ",")
    return JSONWebToken.signed(
      claims: "{\(claims),\"iat\":\(base - 10),\"iss\":\"test\"\(more)}", secret: secret)
  }
}

extension RangeReplaceableCollection where Self: StringProtocol {
  /// The first place of `part`.
  func firstRange(of part: String) -> Range<Index>? { ranges(of: part).first }
}
