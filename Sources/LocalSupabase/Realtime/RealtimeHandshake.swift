import JSON
import Transport

/// What becomes of a request for a socket.
enum RealtimeHandshake: Sendable {
  case accepted(RealtimeSerializer, apiKey: String)
  /// Answered after a while, but for a version that is not offered.
  case refused(ServerAnswer, isDelayed: Bool)

  init(
    _ request: ServerRequest, options: RealtimeOptions, now: Int64,
    tenant: inout RealtimeTenant
  ) {
    let query = request.target.split(
      separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false
    ).dropFirst().first
    let parameters = try? QueryString(query ?? [])
    guard let serializer = RealtimeSerializer(vsn: parameters?["vsn"]) else {
      self = .refused(ServerAnswer(status: 403, framing: .contentLength), isDelayed: false)
      return
    }
    guard let key = request.headers["x-api-key"] ?? parameters?["apikey"], !key.isEmpty else {
      self = Self.refused(401, "API key is missing")
      return
    }
    do {
      _ = try RealtimeToken(key, secret: options.jwtSecret, now: now)
    } catch {
      self = Self.refused(401, error.handshakeMessage)
      return
    }
    if tenant.members.count >= options.maxConnectedUsers {
      self = Self.refused(429, "Too many connected users")
    } else if tenant.hasTooManyJoins(options, now: now) {
      self = Self.refused(429, "Too many joins per second")
    } else {
      self = .accepted(serializer, apiKey: key)
    }
  }

  private static func refused(_ status: Int, _ message: String) -> RealtimeHandshake {
    var body = JSONWriter()
    body.beginObject()
    body.name("error")
    body.string(message)
    body.endObject()
    return .refused(
      ServerAnswer(
        status: status,
        headers: [HTTPHeader("Content-Type", "application/json; charset=utf-8")],
        body: body.bytes, framing: .contentLength), isDelayed: true)
  }
}
