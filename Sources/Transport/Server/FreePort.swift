internal import Glibc

/// A port of 127.0.0.1 that nobody listens to.
///
/// It lies below the range (32768 and up) from which Linux takes the ports of outgoing connections, so that a server
/// which stops for a while finds its port free when it comes back. Another process may still be quicker.
package func findFreePort() -> Int {
  while true {
    let port = UInt16.random(in: 20_000..<32_000)
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    precondition(number >= 0, "socket: \(errno)")
    defer { close(number) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(number, address, size)
      }
    }
    if code == 0 { return Int(port) }
  }
}
