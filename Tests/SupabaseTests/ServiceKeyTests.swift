import JSON
import Testing
import Transport

@testable import Supabase

/// A key as Supabase makes them; the signature is not looked at.
func jwt(_ payload: String) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  func encoded(_ text: String) -> String {
    var out: [UInt8] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      var bits = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - part.count))
      var group: [UInt8] = []
      for _ in 0..<4 {
        group.insert(alphabet[Int(bits & 63)], at: 0)
        bits >>= 6
      }
      out += group.prefix(part.count + 1)
    }
    return String(decoding: out, as: UTF8.self)
  }
  return "\(encoded(#"{"alg":"HS256","typ":"JWT"}"#)).\(encoded(payload)).c2lnbmF0dXJl"
}

let serviceJWT = jwt(#"{"iss":"supabase","ref":"abc","role":"service_role","exp":4102444800}"#)

struct ServiceKeyTests {
  static let url = ProjectURL("https://abc.supabase.co")!
  static let local = ProjectURL("http://localhost:54321")!

  @Test func `claims are read without checking them`() {
    let key = ServiceKey(serviceJWT)
    #expect(key.isJWT)
    #expect(key.role == "service_role")
    #expect(key.projectRef == "abc")
    #expect(ServiceKey("sb_secret_x").role == nil)
    #expect(!ServiceKey("a.b.c").isJWT)
  }

  @Test(arguments: [
    (serviceJWT, nil),
    ("sb_secret_0123456789", nil),
    (jwt(#"{"role":"service_role"}"#), nil),
    // Expired: the server's word.
    (jwt(#"{"role":"service_role","exp":1}"#), nil),
    ("sb_publishable_0123456789", KeyProblem.publishable),
    (jwt(#"{"role":"anon","ref":"abc"}"#), .otherRole("anon")),
    (jwt(#"{"role":"authenticated"}"#), .otherRole("authenticated")),
    (jwt(#"{"role":"SERVICE_ROLE"}"#), .otherRole("SERVICE_ROLE")),
    (jwt(#"{"ref":"abc"}"#), .otherRole(nil)),
    (jwt(#"{"role":"service_role","ref":"xyz"}"#), .otherProject(key: "xyz", url: "abc")),
    ("", .malformed), ("eyJhbGciOi", .malformed), ("a.b", .malformed), ("a.b.c", .malformed),
    (serviceJWT + "\n", .malformed), (serviceJWT + " " + serviceJWT, .malformed),
    (String(serviceJWT.dropFirst(3)) + "é", .malformed),
  ])
  func `a key that would mislead is refused`(secret: String, problem: KeyProblem?) {
    #expect(KeyProblem(key: ServiceKey(secret), url: Self.url) == problem)
    if let problem, !secret.isEmpty { #expect(!"\(problem)".contains(secret)) }
  }

  @Test func `a key of another project is only known on Supabase's own hosts`() {
    #expect(Project(role: "source", url: Self.local, key: ServiceKey(serviceJWT)).keyProblem == nil)
  }

  @Test(arguments: [
    ("", []), ("TQ", [77]), ("TWE=", [77, 97]), ("TWFu", [77, 97, 110]), ("-_-_", [251, 255, 191]),
    ("T", nil), ("T!", nil),
  ])
  func `base64url is decoded`(text: String, bytes: [UInt8]?) {
    #expect(base64URL(text[...]) == bytes)
  }

  @Test(arguments: [serviceJWT, "sb_secret_hushhush"])
  func `a key never shows itself`(secret: String) async {
    let key = ServiceKey(secret)
    let project = Project(role: "target", url: Self.url, key: key)
    let answer = HTTPAnswer(
      status: 401, headers: [HTTPHeader("content-type", "application/json")],
      body: Array(#"{"message":"Invalid API key"}"#.utf8))
    let client = PostgREST(
      project: project, origin: "m", transport: ScriptedTransport([.answer(answer)]))
    var texts: [String] = []
    for value: Any in [key, project, client, KeyProblem(key: key, url: Self.url) as Any, [key]] {
      var dumped = ""
      dump(value, to: &dumped)
      texts += [dumped, "\(value)", String(reflecting: value), String(describing: value)]
      texts += Mirror(reflecting: value).children.map { "\($0)" }
    }
    await #expect {
      try await client.read(
        ReadQuery(table: TableName(name: "t"), columns: ["id"], limit: 1))
    } throws: { error in
      var dumped = ""
      dump(error, to: &dumped)
      texts += [dumped, "\(error)", String(reflecting: error)]
      return (error as? PostgRESTError)?.kind == .server(status: 401, code: nil)
    }
    #expect(texts.allSatisfy { !$0.contains(secret) && !$0.contains("hushhush") })
  }
}
