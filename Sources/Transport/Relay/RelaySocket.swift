internal import Glibc

/// Sole owner of a socket that never blocks; closed when the last reference goes.
final class RelaySocket: Sendable {
  enum Reading: Equatable {
    case bytes(Int)
    case nothingYet
    /// FIN.
    case end
    case failed
  }

  let number: Int32

  /// The child processes of this program never inherit it.
  private init(_ number: Int32) {
    self.number = number
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
  }

  deinit { close(number) }

  static func listening(port: Int) throws(ServerError) -> RelaySocket {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard number >= 0 else { throw ServerError(description: "no socket to be had: \(errno)") }
    let socket = RelaySocket(number)
    // Connections that were open when the port was given up must not keep it.
    socket.set(SOL_SOCKET, SO_REUSEADDR)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(number, address, size)
      }
    }
    guard code == 0, Glibc.listen(number, 128) == 0 else {
      throw ServerError(description: "cannot listen on 127.0.0.1:\(port)")
    }
    return socket
  }

  /// Two ends of one stream.
  static func pair() throws(ServerError) -> (RelaySocket, RelaySocket) {
    var numbers: [Int32] = [0, 0]
    guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &numbers) == 0 else {
      throw ServerError(description: "no socket to be had: \(errno)")
    }
    return (RelaySocket(numbers[0]), RelaySocket(numbers[1]))
  }

  /// Begins to connect; it can be written to once that has succeeded or failed.
  static func connecting(to address: RelayAddress) -> RelaySocket? {
    let number = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
    guard number >= 0 else { return nil }
    let socket = RelaySocket(number)
    socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)
    let code = unsafe address.bytes.withUnsafeBytes { bytes in
      unsafe bytes.withMemoryRebound(to: sockaddr.self) { address in
        unsafe connect(number, address.baseAddress, socklen_t(bytes.count))
      }
    }
    return code == 0 || errno == EINPROGRESS ? socket : nil
  }

  /// After `connecting`, when it can be written to.
  var isConnected: Bool {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code == 0
  }

  /// A connection that waits, if there is one.
  func accept() -> RelaySocket? {
    let accepted = Glibc.accept(number, nil, nil)
    guard accepted >= 0 else { return nil }
    let socket = RelaySocket(accepted)
    socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)
    return socket
  }

  func read(into room: inout [UInt8]) -> Reading {
    let count = unsafe room.withUnsafeMutableBytes { room in
      unsafe recv(number, room.baseAddress, room.count, 0)
    }
    if count > 0 { return .bytes(count) }
    if count == 0 { return .end }
    return errno == EAGAIN || errno == EINTR ? .nothingYet : .failed
  }

  /// How many bytes went out; nil where none ever will.
  func write(_ bytes: ArraySlice<UInt8>) -> Int? {
    let count = unsafe bytes.withUnsafeBytes { bytes in
      unsafe send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
    if count >= 0 { return count }
    return errno == EAGAIN || errno == EINTR ? 0 : nil
  }

  /// FIN.
  func finishWriting() { shutdown(number, Int32(SHUT_WR)) }

  /// RST will be sent when it is closed.
  func resetWhenClosed() {
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(
      number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
  }

  private func set(_ level: Int32, _ option: Int32) {
    var one: Int32 = 1
    _ = unsafe setsockopt(number, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// Where a relay connects to.
struct RelayAddress: Sendable {
  let family: Int32
  /// A `sockaddr` of that family.
  let bytes: [UInt8]

  /// The first address of the host. Blocks while a name is looked up.
  static func resolved(host: String, port: Int) throws(ServerError) -> RelayAddress {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &found)
    defer { unsafe freeaddrinfo(found) }
    guard code == 0, let first = unsafe found?.pointee, let address = unsafe first.ai_addr else {
      throw ServerError(description: "the host \(host) has no address")
    }
    let bytes = unsafe UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen))
    return unsafe RelayAddress(family: first.ai_family, bytes: Array(bytes))
  }
}
