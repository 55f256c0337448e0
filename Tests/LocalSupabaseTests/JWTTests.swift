import JSON
import LocalSupabase
import Testing

@Suite struct JWTTests {
  /// 2024-01-01, before every recorded `exp` of 2100 and after every other time.
  private static let now: Int64 = 1_704_067_200_000_000
  private static let secret = Recording.secret

  /// The message of a token's refusal, nil if it is accepted.
  private func refusal(of token: String, now: Int64 = Self.now) -> String? {
    do {
      _ = try JSONWebToken(verifying: token, secret: Self.secret, now: now)
      return nil
    } catch {
      return error.description
    }
  }

  @Test(arguments: try Recording("auth.json").cases + Recording("auth-no-anon.json").cases)
  func `tokens are refused as recorded and with the same words`(recorded: Recording.Case) throws {
    let token = JSONWebToken.bearer(in: recorded.headers["Authorization"])
    let wanted: String?
    if recorded.answerHeaders["www-authenticate"]?.contains("invalid_token") == true {
      let header = try #require(recorded.answerHeaders["www-authenticate"])
      let start = "Bearer error=\"invalid_token\", error_description=\""
      #expect(header.hasPrefix(start))
      wanted = String(header.dropFirst(start.count).dropLast())
      if !recorded.body.isEmpty {
        let body = try JSONNode(parsing: Array(recorded.body.utf8))
        #expect(body["message"]?.string == wanted)
      }
    } else {
      wanted = nil
    }
    #expect(token.flatMap { refusal(of: $0) } == wanted)
  }

  @Test(arguments: [
    (#"{"role":"x","n":1}"#, "x"), (#"{"role":5}"#, "5"), (#"{"role":null}"#, "null"),
    (#"{"role":""}"#, ""), (#"{"sub":"y"}"#, nil), (#"{"role":[1, 2]}"#, "[]"),
    (#"{"role":true}"#, "true"),
  ])
  func `claims come as they were signed and the role by its text`(claims: String, role: String?)
    throws
  {
    let token = JSONWebToken.signed(claims: claims, secret: Self.secret)
    let read = try JSONWebToken(verifying: token, secret: Self.secret, now: Self.now)
    #expect(read.claims == Array(claims.utf8))
    #expect(read.role == role)
  }

  @Test(arguments: [
    (#"{"exp":1704067200}"#, nil),
    (#"{"exp":1704067199.5}"#, nil),
    (#"{"exp":1704067199}"#, "JWT expired"),
    (#"{"exp":1e30}"#, nil),
    (#"{"exp":null}"#, nil),
    (#"{"nbf":1704067201}"#, nil),
    (#"{"nbf":1704067202}"#, "JWTNotYetValid"),
    (#"{"iat":1704067201}"#, nil),
    (#"{"iat":1704067202}"#, "JWTIssuedAtFuture"),
    (
      #"{"nbf":{}}"#,
      "JWTClaimsSetDecodeError \"Error in $.nbf: parsing NumericDate failed, expected Number, but encountered Object\""
    ),
  ])
  func `times are kept to the second`(claims: String, refusal wanted: String?) {
    let token = JSONWebToken.signed(claims: claims, secret: Self.secret)
    #expect(refusal(of: token) == wanted)
  }

  @Test func `a changed claim does not pass under the old signature`() throws {
    let token = JSONWebToken.key(role: "anon", secret: Self.secret)
    var parts = token.split(separator: ".").map { String($0) }
    let other = JSONWebToken.key(role: "service_role", secret: Self.secret)
    parts[1] = String(other.split(separator: ".")[1])
    #expect(refusal(of: parts.joined(separator: ".")) == "JWSError JWSInvalidSignature")
    #expect(refusal(of: token) == nil)
  }

  @Test(arguments: [
    (nil, nil), ("Bearer abc", "abc"), ("bearer  abc", "abc"), ("Bearer ", nil), ("Bearer", nil),
    ("Basic abc", nil), ("Bearer abc ", "abc "), ("Bearer \"abc\"", "\"abc\""),
  ])
  func `the bearer token is found as PostgREST finds it`(header: String?, token: String?) {
    #expect(JSONWebToken.bearer(in: header) == token)
  }
}
