/// What an answer's body is written as.
enum MediaType: Hashable {
  case json
  case arrayStripped
  case object(isStripped: Bool)
  case csv
  case geoJSON
  case openAPI
  case text
  case xml
  case octets
  case urlEncoded
  case any
  case other(String)

  /// Reads one entry of an `Accept` or `Content-Type` header; parameters count only for `nulls=stripped`.
  init(_ text: String) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false)
      .map { String($0).trimmingBlanks().lowercased() }
    let isStripped = parts.dropFirst().contains("nulls=stripped")
    switch parts.first ?? "" {
    case "application/json", "application/vnd.pgrst.array": self = .json
    case "application/vnd.pgrst.array+json": self = isStripped ? .arrayStripped : .json
    case "application/vnd.pgrst.object+json", "application/vnd.pgrst.object":
      self = .object(isStripped: isStripped)
    case "text/csv": self = .csv
    case "application/geo+json": self = .geoJSON
    case "application/openapi+json": self = .openAPI
    case "text/plain": self = .text
    case "text/xml": self = .xml
    case "application/octet-stream": self = .octets
    case "application/x-www-form-urlencoded": self = .urlEncoded
    case "*/*": self = .any
    default: self = .other(text)
    }
  }

  /// For `Content-Type`.
  var name: String {
    switch self {
    case .json: "application/json; charset=utf-8"
    case .arrayStripped: "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
    case .object(let isStripped):
      "application/vnd.pgrst.object+json\(isStripped ? ";nulls=stripped" : ""); charset=utf-8"
    case .csv: "text/csv; charset=utf-8"
    case .geoJSON: "application/geo+json; charset=utf-8"
    case .openAPI: "application/openapi+json; charset=utf-8"
    case .text: "text/plain; charset=utf-8"
    case .xml: "text/xml; charset=utf-8"
    case .octets: "application/octet-stream"
    case .urlEncoded: "application/x-www-form-urlencoded"
    case .any: "*/*"
    case .other(let name): name
    }
  }

  var isObject: Bool { if case .object = self { true } else { false } }

  /// The first type of an `Accept` header that is offered.
  static func negotiated(
    accept: String?, offers: [MediaType]
  ) throws(RequestError) -> MediaType {
    let entries = (accept ?? "*/*").split(separator: ",", omittingEmptySubsequences: false)
      .map { String($0).trimmingBlanks() }
    for entry in entries.map({ ($0, quality($0)) }).sorted(by: { $0.1 > $1.1 }) {
      let type = MediaType(entry.0)
      if type == .any { return offers[0] }
      if offers.contains(type) { return type }
    }
    throw RequestError(
      415, "PGRST107",
      "None of these media types are available: \(entries.joined(separator: ", "))")
  }

  private static func quality(_ entry: String) -> Double {
    for part in entry.split(separator: ";") {
      let part = String(part).trimmingBlanks()
      if part.hasPrefix("q=") { return Double(part.dropFirst(2)) ?? 1 }
    }
    return 1
  }
}
