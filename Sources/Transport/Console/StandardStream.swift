internal import Glibc

/// One of the process's own output streams. Nothing is held back: what is written is out when the call returns.
package struct StandardStream: Sendable {
  private let number: Int32

  package static let output = StandardStream(number: STDOUT_FILENO)
  package static let error = StandardStream(number: STDERR_FILENO)

  package var isTerminal: Bool { isatty(number) == 1 }

  /// The terminal's size in characters, as it is now; nil where it is none, or does not know.
  package var size: (columns: Int, rows: Int)? {
    var size = winsize()
    guard unsafe ioctl(number, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
    else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Nobody may be listening any more, and there is no one left to tell, so failures are passed over.
  package func write(_ text: String) {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        return unsafe Glibc.write(number, rest.baseAddress, rest.count)
      }
      if count >= 0 {
        start += count
      } else if errno == EAGAIN {
        waitUntilWritable()
      } else if errno != EINTR {
        return
      }
    }
  }

  /// Whoever started this process may have made the stream non-blocking.
  private func waitUntilWritable() {
    var descriptor = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    _ = unsafe poll(&descriptor, 1, 1_000)
  }
}
