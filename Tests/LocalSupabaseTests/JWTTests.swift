import JSON
import LocalSupabase
import Testing
import Transport

@Suite struct JWTTests {
  /// 2024-01-01, before every recorded `exp` of 2100 and after every other time.
  private static let now: Int64 = 1_704_067_200_000_000
  private static let secret = Recording.secret

  /// Why a token is refused, nil if it is accepted.
  private func refusal(of token: String) -> JSONWebToken.Refusal? {
    do {
      _ = try JSONWebToken(verifying: token, secret: Self.secret, now: Self.now)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: try Recording("auth.json").cases + Recording("auth-no-anon.json").cases)
  func `tokens are refused as recorded and with the same words`(recorded: Recording.Case) throws {
    let token = JSONWebToken.bearer(in: recorded.headers["Authorization"])
    let refusal = token.flatMap { self.refusal(of: $0) }
    let challenge = recorded.answerHeaders["www-authenticate"]
    // "Bearer" alone is about the role.
    #expect(refusal?.challenge == (challenge == "Bearer" ? nil : challenge))
    if let refusal, !recorded.body.isEmpty {
      let body = try JSONNode(parsing: Array(recorded.body.utf8))
      #expect(body["message"]?.string == refusal.description)
    }
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
    #expect(refusal(of: token)?.description == wanted)
  }

  @Test func `a changed claim does not pass under the old signature`() throws {
    let token = JSONWebToken.key(role: "anon", secret: Self.secret)
    var parts = token.split(separator: ".").map { String($0) }
    let other = JSONWebToken.key(role: "service_role", secret: Self.secret)
    parts[1] = String(other.split(separator: ".")[1])
    #expect(refusal(of: parts.joined(separator: ".")) == .invalidSignature)
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
