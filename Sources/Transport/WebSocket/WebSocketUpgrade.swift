/// The client's half of the opening handshake (RFC 6455, section 4.1). Neither an extension nor a subprotocol is
/// asked for, so none may be answered; a redirect is a refusal like any other.
struct WebSocketUpgrade {
  /// More than any server sends.
  static let maximumHeadBytes = 64 << 10

  private let place: HTTPPlace
  private let key: String
  private var input: [UInt8] = []

  init(
    _ place: HTTPPlace,
    key: String = Base64.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) })
  ) {
    self.place = place
    self.key = key
  }

  func request(_ target: String, _ headers: HTTPHeaders, userAgent: String) throws(WebSocketError)
    -> [UInt8]
  {
    var text = "GET \(target) HTTP/1.1\r\nHost: \(place)\r\n"
    text += "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    text += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n"
    if headers["user-agent"] == nil { text += "User-Agent: \(userAgent)\r\n" }
    for field in headers.fields {
      guard Self.isUsable(field) else { throw .unusableHeader(place) }
      text += "\(field.name): \(field.value)\r\n"
    }
    return Array((text + "\r\n").utf8)
  }

  /// Takes the next bytes of the answer. Once the server has agreed, the bytes that came behind its answer; nil
  /// until then.
  mutating func take(_ bytes: some Collection<UInt8>) throws(WebSocketError) -> [UInt8]? {
    var searched = max(0, input.count - 3)
    input += bytes
    while let end = Self.endOfHead(input[searched...]) {
      let head = input[..<end]
      input.removeFirst(end)
      searched = 0
      // Interim answers come before the final one.
      if try check(head) { return input }
    }
    guard input.count <= Self.maximumHeadBytes else {
      throw .noUpgrade(place, "its answer has no end")
    }
    guard input.starts(with: "HTTP/".utf8.prefix(input.count)) else {
      throw .noUpgrade(place, "its answer is not HTTP")
    }
    return nil
  }

  /// False for an interim answer.
  private func check(_ bytes: ArraySlice<UInt8>) throws(WebSocketError) -> Bool {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
    let words = (lines.popFirst() ?? []).split(separator: UInt8(ascii: " "))
    guard words.count >= 2, words[0].starts(with: "HTTP/1.".utf8),
      let status = Int(String(decoding: words[1].filter { $0 != 0x0D }, as: UTF8.self)),
      (100..<1000).contains(status)
    else { throw .noUpgrade(place, "its answer is not HTTP") }
    guard status == 101 else {
      if status < 200 { return false }
      throw .refused(place, status: status)
    }
    var head = AnswerHead()
    for line in lines where !head.take(line) {
      throw .noUpgrade(place, "its answer has no end")
    }
    let headers = head.headers
    guard headers["upgrade"]?.lowercased() == "websocket" else {
      throw .noUpgrade(place, "it upgrades to something else")
    }
    let connection = headers["connection"]?.lowercased().split { $0 == "," || $0 == " " } ?? []
    guard connection.contains("upgrade") else {
      throw .noUpgrade(place, "it does not upgrade the connection")
    }
    guard headers["sec-websocket-accept"] == accept else {
      throw .noUpgrade(place, "its answer belongs to another request")
    }
    guard headers["sec-websocket-extensions"] == nil, headers["sec-websocket-protocol"] == nil
    else {
      throw .noUpgrade(place, "it uses what it was not asked for")
    }
    return true
  }

  private var accept: String {
    Base64.encode(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  /// Behind the blank line.
  private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
    var index = bytes.startIndex
    while index + 4 <= bytes.endIndex {
      if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D,
        bytes[index + 3] == 0x0A
      {
        return index + 4
      }
      index += 1
    }
    return nil
  }

  private static func isUsable(_ field: HTTPHeader) -> Bool {
    let name = field.name.lowercased()
    return !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
      && !["host", "connection", "upgrade"].contains(name) && !name.hasPrefix("sec-websocket-")
      && !field.value.utf8.contains { $0 < 0x20 && $0 != 9 || $0 == 0x7F }
  }
}
