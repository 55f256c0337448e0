internal import Glibc

/// Why the service manager does not hear of this process. Without the message's text.
package struct ServiceNotifierError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `NOTIFY_SOCKET`.
  package var address: String
  /// errno.
  package var code: Int32

  package var description: String {
    let reason =
      code == EAFNOSUPPORT
      ? "the address is neither a path nor an abstract socket"
      : unsafe String(cString: strerror(code))
    return
      "Cannot notify the service manager at \(address): \(reason). It may take this process for "
      + "dead; check NotifyAccess= of the unit and its sandbox."
  }
}

/// Tells systemd, or whatever else speaks its protocol, how this process is: sd_notify(3), which documents the
/// datagrams for programs that do without libsystemd.
///
/// Does nothing where nobody listens. Never blocks and never throws: a mirror must not fail because of its supervisor.
package struct ServiceNotifier: Sendable {
  private let address: String?
  private let hasFailed = Locked(false)

  /// The manager kills this process when it has not heard `WATCHDOG=1` for so long: send it at least twice as often,
  /// and only while work goes on. nil: it does not watch.
  package let watchdogInterval: Duration?

  /// - Parameter environment: the process's own, for `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
  package init(environment: [String: String]) {
    self.init(environment: environment, pid: getpid())
  }

  init(environment: [String: String], pid: Int32) {
    address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    // The variables of a parent that was watched are not meant for its child.
    let isMeant = environment["WATCHDOG_PID"].map { Int32($0) == pid } ?? true
    let interval = environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil }
    watchdogInterval = isMeant ? interval.map { .microseconds($0) } : nil
  }

  /// Whether somebody asked to be told.
  package var isHeard: Bool { address != nil }

  /// Sends assignments, one a line: `READY=1`, `STATUS=…`, `WATCHDOG=1`, `STOPPING=1`. Text that comes from elsewhere
  /// goes through `status(_:)` first.
  ///
  /// - Returns: why it did not arrive, once, for the log; nil when it did, and for every later failure.
  @discardableResult
  package func notify(_ assignments: String) -> ServiceNotifierError? {
    guard let address, let code = send(Array(assignments.utf8), to: address) else { return nil }
    let isFirst = hasFailed.withLock { hasFailed in
      defer { hasFailed = true }
      return !hasFailed
    }
    return isFirst ? ServiceNotifierError(address: address, code: code) : nil
  }

  /// The configuration is being read again; `READY=1` has to follow. The time lets the manager tell this reload from
  /// an earlier one.
  @discardableResult
  package func notifyReloading() -> ServiceNotifierError? {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    return notify("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
  }

  /// `STATUS=` with a sentence for `systemctl status`, kept to one line: a line end within would begin another
  /// assignment.
  package static func status(_ sentence: String) -> String {
    "STATUS="
      + String(String.UnicodeScalarView(sentence.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
  }

  /// - Returns: errno, or nil.
  private func send(_ message: [UInt8], to address: String) -> Int32? {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var path = Array(address.utf8)
    let isAbstract = path.first == UInt8(ascii: "@")
    guard isAbstract || path.first == UInt8(ascii: "/") else { return EAFNOSUPPORT }
    // A path needs its final zero; an abstract name has its zero in front and ends with its length.
    guard path.count < MemoryLayout.size(ofValue: name.sun_path) else { return ENAMETOOLONG }
    if isAbstract { path[0] = 0 }
    unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: path) }
    let length =
      MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count + (isAbstract ? 0 : 1)

    let descriptor = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    while true {
      let count = unsafe withUnsafePointer(to: &name) { name in
        unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
          unsafe message.withUnsafeBytes { bytes in
            unsafe sendto(
              descriptor, bytes.baseAddress, bytes.count,
              Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), name, socklen_t(length))
          }
        }
      }
      if count >= 0 { return nil }
      if errno != EINTR { return errno }
    }
  }
}
