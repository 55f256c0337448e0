import JSON
import Transport

/// What a request's transaction sees of it: role, search path and `request.*`.
struct RequestSettings {
  var role: String
  /// A JSON object.
  var claims: [UInt8]
  var schema: String
  var extraSearchPath: [String]
  var method: String
  var path: String
  var headers: HTTPHeaders
  var isReadOnly: Bool
  /// `alter role … set` of the role.
  var roleSettings: [(name: String, value: String)] = []

  /// One script for one round trip.
  var script: String {
    let isolation =
      roleSettings.first { $0.name == "default_transaction_isolation" }?.value ?? "read committed"
    var script = "begin isolation level \(isolation)\(isReadOnly ? " read only" : ""); select "
    let path = ([schema] + extraSearchPath).map { SQLText.quoted($0) }.joined(separator: ", ")
    var settings = [("search_path", path), ("role", role)]
    settings += roleSettings.filter { $0.name != "default_transaction_isolation" }
      .map { ($0.name, $0.value) }
    settings += [
      ("request.jwt.claims", String(decoding: claims, as: UTF8.self)),
      ("request.method", method), ("request.path", self.path),
      ("request.headers", headersText), ("request.cookies", cookiesText),
    ]
    script += settings.map { name, value in
      let value = String(value.prefix { $0 != "\0" })
      return "set_config(\(PostgresConnection.literal(name)), "
        + "\(PostgresConnection.literal(value)), true)"
    }.joined(separator: ", ")
    return script
  }

  /// Names in lower case; of several headers of one name the last one counts.
  private var headersText: String {
    let names = headers.fields.map { $0.name.lowercased() }
    let pairs = zip(names, headers.fields.map(\.value)).filter { $0.0 != "cookie" }
    return Self.object(pairs.map { ($0, $1) })
  }

  private var cookiesText: String {
    var pairs: [(String, String)] = []
    for part in (headers["cookie"] ?? "").split(separator: ";") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2 else { continue }
      pairs.append((String(sides[0]).trimmingBlanks(), String(sides[1])))
    }
    return Self.object(pairs)
  }

  private static func object(_ pairs: [(String, String)]) -> String {
    var last: [String: Int] = [:]
    for (index, pair) in pairs.enumerated() { last[pair.0] = index }
    var writer = JSONWriter()
    writer.beginObject()
    for (index, pair) in pairs.enumerated() where last[pair.0] == index {
      writer.name(pair.0)
      writer.string(pair.1)
    }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
