import JSON

/// A token as Realtime checks it, with the words that Realtime uses: HS256 with the project's secret, claims
/// `role` and `exp` required.
struct RealtimeToken: Sendable {
  enum Refusal: Error, Hashable, Sendable {
    case malformed
    case badSignature
    case noSigner(kid: String?)
    case missingClaims
    case expired(secondsAgo: Int64)

    /// The reason of a refused join, without its code the `system` message of a refused refresh.
    var code: String {
      switch self {
      case .malformed: "MalformedJWT"
      case .badSignature: "JwtSignatureError"
      case .noSigner: "JwtSignerError"
      case .missingClaims, .expired: "InvalidJWTToken"
      }
    }

    var message: String {
      switch self {
      case .malformed: return "The token provided is not a valid JWT"
      case .badSignature: return "Failed to validate JWT signature"
      case .noSigner(let kid):
        let key = kid.map { " for key ID (kid) \"\($0)\"" } ?? ""
        return
          "Failed to generate JWT signer\(key), check your JWT secret or JWKS configuration"
      case .missingClaims: return "Fields `role` and `exp` are required in JWT"
      case .expired(let seconds): return "Token has expired \(seconds) seconds ago"
      }
    }

    /// What a refused handshake says.
    var handshakeMessage: String {
      if case .expired = self { "Token has expired" } else { message }
    }
  }

  let claims: SubscriptionClaims
  /// Microseconds since 1970.
  let expires: Int64

  /// - Parameter now: microseconds since 1970.
  init(_ text: String, secret: String, now: Int64) throws(Refusal) {
    let bare = (try? QueryString.decode(text.utf8, plusIsBlank: false)) ?? text
    let compact = String(bare.filter { !$0.isWhitespace })
    let token: JSONWebToken
    do {
      token = try JSONWebToken(signatureOf: compact, secret: secret)
    } catch {
      throw Self.refusal(error, of: compact)
    }
    guard let node = try? JSONNode(parsing: token.claims), let role = node["role"]?.string,
      case .number(let digits)? = node["exp"]?.value, let seconds = Double(digits)
    else { throw .missingClaims }
    claims = SubscriptionClaims(role: role, json: String(decoding: token.claims, as: UTF8.self))
    expires = Int64(min(max(seconds, -1e12), 1e12) * 1e6)
    try check(now: now)
  }

  /// Whether the token is still good.
  func check(now: Int64) throws(Refusal) {
    if now >= expires { throw .expired(secondsAgo: (now - expires) / 1_000_000) }
  }

  private static func refusal(_ refusal: JSONWebToken.Refusal, of token: String) -> Refusal {
    guard refusal == .invalidSignature || refusal == .noSignature else { return .malformed }
    guard let head = token.utf8.split(separator: UInt8(ascii: ".")).first,
      let bytes = Base64URL.decode(head), let header = try? JSONNode(parsing: bytes)
    else { return .malformed }
    if header["alg"]?.string == "HS256" { return .badSignature }
    return .noSigner(kid: header["kid"]?.string)
  }
}
