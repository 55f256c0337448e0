import Glibc
import Transport

/// The socket on which a service manager hears of its services, for a test that stands in for one: start the
/// program with `environment`, read `messages`.
final class ServiceManagerSocket: Sendable {
  /// What `NOTIFY_SOCKET` has to be.
  let address: String
  /// Each datagram as it came, until this value goes; for one reader only.
  let messages: AsyncStream<String>
  private let descriptor: Int32
  private let isReading: Bool

  /// - Parameters:
  ///   - address: a path that does not exist yet, or `@` and an abstract name.
  ///   - isReading: false: whatever is sent stays where it is, until no more fits.
  init(_ address: String, isReading: Bool = true) {
    self.address = address
    self.isReading = isReading
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    self.descriptor = descriptor
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var path = Array(address.utf8)
    let isAbstract = path[0] == UInt8(ascii: "@")
    if isAbstract { path[0] = 0 }
    precondition(path.count < MemoryLayout.size(ofValue: name.sun_path), "the address is too long")
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path) }
    let length =
      MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count + (isAbstract ? 0 : 1)
    let code = unsafe withUnsafePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(descriptor, $0, socklen_t(length))
      }
    }
    precondition(code == 0, "bind \(address): errno \(errno)")

    let (messages, continuation) = AsyncStream.makeStream(of: String.self)
    self.messages = messages
    guard isReading else {
      continuation.finish()
      return
    }
    startThread {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = unsafe buffer.withUnsafeMutableBytes {
          unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        if count > 0 {
          continuation.yield(String(decoding: buffer[..<count], as: UTF8.self))
        } else if count == 0 || errno != EINTR {
          break
        }
      }
      continuation.finish()
      close(descriptor)
    }
  }

  deinit {
    // Wakes the reader, who closes it.
    if isReading {
      shutdown(descriptor, Int32(SHUT_RD))
    } else {
      close(descriptor)
    }
    if address.hasPrefix("/") { _ = unsafe unlink(address) }
  }

  /// What a service manager gives to a service, for its environment.
  ///
  /// - Parameter watchdog: after how long without `WATCHDOG=1` it will be killed.
  func environment(watchdog: Duration? = nil) -> [String: String] {
    var environment = ["NOTIFY_SOCKET": address]
    if let watchdog {
      let (seconds, attoseconds) = watchdog.components
      environment["WATCHDOG_USEC"] = "\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)"
    }
    return environment
  }

  /// An abstract name that nobody else has.
  static func makeAddress() -> String { "@supamirror-test-\(UInt64.random(in: 0..<UInt64.max))" }
}
