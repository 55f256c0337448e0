internal import Glibc

/// Sole owner of an open file; its errors name the path and what was tried.
struct Descriptor: ~Copyable {
  private let number: Int32
  private let path: String
  private let action: String

  /// Opens with this mode, less the process's mask, where `flags` create. A child process never inherits it.
  init(
    _ path: String, _ flags: Int32, _ action: String, mode: mode_t = 0o600
  ) throws(FileError) {
    var number: Int32
    repeat {
      number = unsafe open(path, flags | O_CLOEXEC, mode)
    } while number < 0 && errno == EINTR
    guard number >= 0 else { throw FileError(action, path, code: errno) }
    self.number = number
    self.path = path
    self.action = action
  }

  deinit { close(number) }

  func readAll() throws(FileError) -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe Glibc.read(number, bytes.baseAddress, bytes.count)
      }
      if count == 0 { return content }
      if count > 0 {
        content += buffer[..<count]
      } else if errno != EINTR {
        throw failure
      }
    }
  }

  func write(_ content: [UInt8]) throws(FileError) {
    var start = 0
    while start < content.count {
      let count = unsafe content.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        return unsafe Glibc.write(number, rest.baseAddress, rest.count)
      }
      if count >= 0 {
        start += count
      } else if errno != EINTR {
        throw failure
      }
    }
  }

  /// Until it is on the disk. Some file systems cannot sync a folder and say EINVAL; they need not.
  func sync() throws(FileError) {
    while fsync(number) != 0 {
      if errno == EINVAL { return }
      if errno != EINTR { throw failure }
    }
  }

  func truncate() throws(FileError) {
    guard ftruncate(number, 0) == 0 else { throw failure }
  }

  /// Takes the lock that ends with this descriptor, or fails with EWOULDBLOCK.
  /// A shared one keeps only those out that want it for themselves.
  func lock(shared: Bool = false) throws(FileError) {
    while flock(number, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      if errno != EINTR { throw failure }
    }
  }

  private var failure: FileError { FileError(action, path, code: errno) }
}
