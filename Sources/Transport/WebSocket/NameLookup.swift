internal import Glibc

/// Asks for the addresses of a host on a thread of its own, which nobody waits for: the C library's resolver may
/// hang for half a minute, and cannot be stopped.
final class NameLookup: Sendable {
  /// The numeric addresses of a host in the order to be tried, none where its name is unknown. May block.
  typealias Resolve = @Sendable (_ host: String) -> [String]

  private let answer = Locked<[String]?>(nil)

  /// - Parameter done: called on the lookup's thread once `addresses` is there.
  init(_ host: String, _ resolve: @escaping Resolve, done: @escaping @Sendable () -> Void) {
    let answer = answer
    startThread {
      let addresses = resolve(host)
      answer.withLock { $0 = addresses }
      done()
    }
  }

  /// Nil as long as there is no answer.
  var addresses: [String]? { answer.withLock { $0 } }

  /// The system's own way, hosts file and all.
  static let system: Resolve = { host in
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, nil, &hints, &found) == 0 else { return [] }
    defer { unsafe freeaddrinfo(found) }
    var addresses: [String] = []
    var next = unsafe found
    while let entry = unsafe next?.pointee {
      unsafe next = entry.ai_next
      let address = unsafe numeric(entry)
      if let address, !addresses.contains(address) { addresses.append(address) }
    }
    return addresses
  }

  private static func numeric(_ entry: addrinfo) -> String? {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let code = unsafe getnameinfo(
      entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
    guard code == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
