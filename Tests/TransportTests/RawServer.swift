import Glibc
import Transport

/// A TCP server on 127.0.0.1 that sends exactly the bytes a test wants; each connection is served on a thread of
/// its own. It stops listening when its last reference goes.
final class RawServer: Sendable {
  let port: UInt16
  private let listener: Int32
  private let count = Locked(0)

  /// `serve` is given the connection and its number, from 1; the connection is closed when it returns.
  init(_ serve: @escaping @Sendable (RawConnection, Int) -> Void) {
    (listener, port) = Self.listen()
    let listener = listener
    let count = count
    startThread {
      while true {
        let socket = accept(listener, nil, nil)
        guard socket >= 0 else { break }
        let number = count.withLock { count in
          count += 1
          return count
        }
        startThread { serve(RawConnection(socket), number) }
      }
      close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  var accepted: Int { count.withLock { $0 } }

  func url(_ path: String = "/rest/v1/todos?select=secret", scheme: String = "http") -> String {
    "\(scheme)://127.0.0.1:\(port)\(path)"
  }

  /// A port of 127.0.0.1 where nobody listens.
  static func unusedPort() -> UInt16 {
    let (listener, port) = listen()
    close(listener)
    return port
  }

  private static func listen() -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(unsafe bind(listener, address, length) == 0)
        precondition(Glibc.listen(listener, 512) == 0)
        precondition(unsafe getsockname(listener, address, &length) == 0)
      }
    }
    return (listener, UInt16(bigEndian: address.sin_port))
  }
}

struct RawRequest: Sendable {
  var method: String
  var path: String
  var headers: HTTPHeaders
  var body: [UInt8]
}

/// One accepted connection; for one thread.
@safe final class RawConnection: @unchecked Sendable {
  private let socket: Int32
  private var buffer: [UInt8] = []

  private var isReset = false

  init(_ socket: Int32) {
    self.socket = socket
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
  }

  deinit {
    // A child process started just now may still hold the socket.
    if !isReset { shutdown(socket, Int32(SHUT_RDWR)) }
    close(socket)
  }

  /// The next request with its body, nil once the client has closed.
  func readRequest() -> RawRequest? {
    let end = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    while headEnd == nil {
      headEnd = buffer.indices.dropLast(3).first { buffer[$0..<$0 + 4].elementsEqual(end) }
      if headEnd == nil, !readMore() { return nil }
    }
    guard let headEnd else { return nil }
    let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).split(separator: "\r\n")
    let parts = lines[0].split(separator: " ")
    let headers = HTTPHeaders(
      lines.dropFirst().map { line in
        let colon = line.firstIndex(of: ":") ?? line.endIndex
        return HTTPHeader(
          String(line[..<colon]), String(line[colon...].drop { $0 == ":" || $0 == " " }))
      })
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < headEnd + 4 + length { if !readMore() { return nil } }
    let body = Array(buffer[(headEnd + 4)..<(headEnd + 4 + length)])
    buffer.removeFirst(headEnd + 4 + length)
    return RawRequest(
      method: String(parts[0]), path: String(parts[1]), headers: headers, body: body)
  }

  /// Exactly so many bytes, nil where the connection ends before.
  func read(_ count: Int) -> [UInt8]? {
    while buffer.count < count { if !readMore() { return nil } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  /// Like `write`, but says so where the client has taken nothing for so long.
  func write(_ bytes: [UInt8], stalledFor limit: Duration, _ stalled: () -> Void) -> Bool {
    var start = 0
    while start < bytes.count {
      var descriptor = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
      let milliseconds = Int32(limit / .milliseconds(1))
      if unsafe poll(&descriptor, 1, milliseconds) == 0 {
        stalled()
        _ = unsafe poll(&descriptor, 1, -1)
      }
      let count = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        return unsafe send(
          socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      guard count > 0 || errno == EAGAIN else { return false }
      start += max(0, count)
    }
    return true
  }

  /// Returns when the client has closed or reset the connection.
  func waitForEnd() { while readMore() {} }

  /// False once the client is gone.
  @discardableResult
  func write(_ text: String) -> Bool { write(Array(text.utf8)) }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        return unsafe send(socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      start += count
    }
    return true
  }

  @discardableResult
  func answer(_ status: String = "200 OK", _ fields: [String] = [], _ body: [UInt8] = []) -> Bool {
    let fields = fields + ["Content-Length: \(body.count)"]
    let head = "HTTP/1.1 \(status)\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    return write(Array(head.utf8) + body)
  }

  /// Makes the end of the connection an RST.
  func resetAtEnd() {
    isReset = true
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(
      socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  private func readMore() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let count = unsafe chunk.withUnsafeMutableBytes { bytes in
      unsafe recv(socket, bytes.baseAddress, bytes.count, 0)
    }
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }
}
