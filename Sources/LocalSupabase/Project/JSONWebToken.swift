import JSON
import Transport

/// A token (RFC 7519) signed with HS256, verified as PostgREST 11 does it, with the words that PostgREST uses.
package struct JSONWebToken: Sendable {
  /// Why a token is not accepted; `description` is PostgREST's message.
  package enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    case wrongNumberOfParts(Int)
    case undecodable(String)
    case noSignature
    case invalidSignature
    case invalidClaims(String)
    case expired
    case notYetValid
    case issuedInTheFuture

    package var description: String {
      switch self {
      case .wrongNumberOfParts(let count):
        "JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got \(count))"
      case .undecodable(let reason): "JWSError (JSONDecodeError \"\(reason)\")"
      case .noSignature: "JWSError JWSNoSignatures"
      case .invalidSignature: "JWSError JWSInvalidSignature"
      case .invalidClaims(let reason): "JWTClaimsSetDecodeError \"\(reason)\""
      case .expired: "JWT expired"
      case .notYetValid: "JWTNotYetValid"
      case .issuedInTheFuture: "JWTIssuedAtFuture"
      }
    }

    /// What PostgREST sends as `WWW-Authenticate`: its message as Haskell shows a string.
    package var challenge: String {
      let escaped = description.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\\\"")
      return "Bearer error=\"invalid_token\", error_description=\"\(escaped)\""
    }
  }

  /// The claims, as the token has them: a JSON object.
  package let claims: [UInt8]
  /// The claim `role`, nil if there is none. Numbers, booleans and null are taken by their text.
  package let role: String?

  /// Clocks may differ by this many microseconds.
  private static let skew: Int64 = 1_000_000

  /// Decodes `token` and checks its signature and times.
  ///
  /// - Parameter now: microseconds since 1970, as `WallClock` tells them.
  package init(verifying token: String, secret: String, now: Int64) throws(Refusal) {
    try self.init(signatureOf: token, secret: secret)
    let claims = try Self.object(claims) { .invalidClaims($0) }
    let (expires, issued, begins) = (
      try Self.time("exp", claims), try Self.time("iat", claims), try Self.time("nbf", claims)
    )
    if let expires, now >= expires + Self.skew { throw .expired }
    if let issued, issued > now + Self.skew { throw .issuedInTheFuture }
    if let begins, now < begins - Self.skew { throw .notYetValid }
  }

  /// Decodes `token` and checks its signature alone; its times may be any.
  init(signatureOf token: String, secret: String) throws(Refusal) {
    let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .wrongNumberOfParts(parts.count) }
    var decoded: [[UInt8]] = []
    for part in parts {
      guard let bytes = Base64URL.decode(part) else { throw .undecodable("Not valid base64url") }
      decoded.append(bytes)
    }
    let header = try Self.object(decoded[0]) { .undecodable($0) }
    guard let algorithm = header["alg"]?.string, algorithm != "none" else { throw .noSignature }
    let message = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
    guard algorithm == "HS256",
      HMACSHA256.code(for: message, key: Array(secret.utf8)) == decoded[2]
    else { throw .invalidSignature }

    let claims = try Self.object(decoded[1]) { .invalidClaims($0) }
    self.claims = decoded[1]
    role = claims["role"].map { Self.text($0) }
  }

  /// A token of the claims, which must be a JSON object.
  package static func signed(claims: String, secret: String) -> String {
    let header = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
    let message = header + "." + Base64URL.encode(Array(claims.utf8))
    let code = HMACSHA256.code(for: Array(message.utf8), key: Array(secret.utf8))
    return message + "." + Base64URL.encode(code)
  }

  /// A project's key for `role`, valid to 2100.
  package static func key(role: String, secret: String) -> String {
    signed(
      claims:
        #"{"iss":"supabase","ref":"local","role":"\#(role)","iat":1700000000,"exp":4102444800}"#,
      secret: secret)
  }

  /// The token in an `Authorization` header, nil where PostgREST sees none: another scheme, or nothing after it.
  package static func bearer(in authorization: String?) -> String? {
    guard let authorization,
      let blank = authorization.firstIndex(where: { $0.isWhitespace }),
      authorization[..<blank].lowercased() == "bearer"
    else { return nil }
    let token = authorization[blank...].drop { $0.isWhitespace }
    return token.isEmpty ? nil : String(token)
  }

  private static func object(
    _ bytes: [UInt8], _ refusal: (String) -> Refusal
  ) throws(Refusal) -> JSONNode {
    guard let node = try? JSONNode(parsing: bytes) else {
      throw refusal("Error in $: not valid JSON")
    }
    guard case .object = node.value else {
      throw refusal(
        "Error in $: parsing JWT Claims Set failed, expected Object, but encountered \(kind(node))")
    }
    return node
  }

  /// Microseconds since 1970, nil if the claim is missing or null.
  private static func time(_ name: String, _ claims: JSONNode) throws(Refusal) -> Int64? {
    guard let node = claims[name], !node.isNull else { return nil }
    guard case .number(let digits) = node.value, let seconds = Double(digits) else {
      throw .invalidClaims(
        "Error in $.\(name): parsing NumericDate failed, expected Number, but encountered \(kind(node))"
      )
    }
    // Far enough from the limits of Int64 that the skew can be added.
    return Int64(min(max(seconds, -1e12), 1e12) * 1e6)
  }

  private static func text(_ node: JSONNode) -> String {
    switch node.value {
    case .string(let string): return string
    case .number(let digits): return digits
    case .bool(let bool): return bool ? "true" : "false"
    case .null: return "null"
    // Names that no role has.
    case .array: return "[]"
    case .object: return "{}"
    }
  }

  private static func kind(_ node: JSONNode) -> String {
    switch node.value {
    case .null: "Null"
    case .bool: "Boolean"
    case .number: "Number"
    case .string: "String"
    case .array: "Array"
    case .object: "Object"
    }
  }
}
