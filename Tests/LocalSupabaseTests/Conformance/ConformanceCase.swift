import JSON
import Testing
import Transport

/// One recorded exchange, with all that is needed to have it again.
struct ConformanceCase: Sendable {
  var id: String
  var scenario: String
  var resetsBefore: Bool
  var method: String
  /// The whole request as it goes over the wire.
  var request: [UInt8]
  var status: Int
  var reason: String
  var headers: [HTTPHeader]
  var body: [UInt8]
  var volatile: [String]
  var startsWithSQL: String?
  var setupSQL: String?
  var afterSQL: String?
  var afterRows: [[String?]]?
  /// Nothing came, for so long.
  var isSilent: Bool

  /// The cases of a file that went to the server itself, over one request each.
  static func all(_ file: String) throws -> [ConformanceCase] {
    let root = try JSONNode(parsing: try Recording.bytes("\(file).json"))
    var bodies: [String: [UInt8]] = [:]
    var cases: [ConformanceCase] = []
    for node in root["cases"]?.array ?? [] {
      guard node["port"] == nil, let request = node["request"], let answer = node["response"],
        let made = try ConformanceCase(node, request, answer, bodies)
      else { continue }
      bodies[made.id] = made.body
      cases.append(made)
    }
    return cases
  }

  private init?(
    _ node: JSONNode, _ request: JSONNode, _ answer: JSONNode, _ bodies: [String: [UInt8]]
  ) throws {
    guard let method = request["method"]?.string, answer["connection_refused"] == nil else {
      return nil
    }
    id = node["id"]?.string ?? "?"
    scenario = node["scenario"]?.string ?? id
    resetsBefore = node["reset_before"]?.bool ?? false
    self.method = method
    status = answer["status"]?.int ?? 0
    reason = answer["reason"]?.string ?? ""
    headers = Self.headers(answer["headers"])
    isSilent = answer["no_response_within_seconds"] != nil
    if let other = answer["body_same_as"]?.string {
      body = try #require(bodies[other])
    } else {
      body = Array((answer["body"]?.string ?? "").utf8)
    }
    volatile = node["volatile"]?.array?.compactMap(\.string) ?? []
    startsWithSQL = node["starts_with_sql"]?.string
    setupSQL = node["setup_sql"]?.string
    afterSQL = node["after_sql"]?.string
    afterRows = node["after_rows"]?.array?.map { row in (row.array ?? []).map(Self.text) }
    self.request = try Self.bytes(method, request)
  }

  private static func bytes(_ method: String, _ request: JSONNode) throws -> [UInt8] {
    let target = try #require(request["path_and_query"]?.string)
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
    for header in headers(request["headers"]) { head += "\(header.name): \(header.value)\r\n" }
    var body = request["body"]?.string.map { Array($0.utf8) }
    if let text = request["body_base64"]?.string { body = base64(text) }
    if let body { head += "Content-Length: \(body.count)\r\n" }
    return Array("\(head)\r\n".utf8) + (body ?? [])
  }

  private static func headers(_ node: JSONNode?) -> [HTTPHeader] {
    if let members = node?.members {
      return members.flatMap { member in
        let values = member.node.array?.compactMap(\.string) ?? [member.node.string ?? ""]
        return values.map { HTTPHeader(member.name, $0) }
      }
    }
    return (node?.array ?? []).compactMap { pair in
      guard let pair = pair.array, pair.count == 2 else { return nil }
      return HTTPHeader(pair[0].string ?? "", pair[1].string ?? "")
    }
  }

  /// As PostgreSQL writes the value.
  private static func text(_ node: JSONNode) -> String? {
    switch node.value {
    case .null: nil
    case .bool(let bool): bool ? "t" : "f"
    case .number(let digits): digits
    case .string(let string): string
    default: "?"
    }
  }

  private static func base64(_ text: String) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bytes: [UInt8] = []
    var (bits, count) = (0, 0)
    for byte in text.utf8 where byte != UInt8(ascii: "=") {
      guard let value = digits.firstIndex(of: byte) else { continue }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(bits >> count & 0xFF))
      }
    }
    return bytes
  }
}
