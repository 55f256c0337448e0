internal import Glibc

/// The process's standard input, as a sign of whether somebody still wants it.
package enum StandardInput {
  /// Returns when a pipe or terminal at the other end was closed; never where there is no other end, as with
  /// `/dev/null`, which is what a process in the background gets. Blocks its thread.
  package static func waitForEnd() {
    var status = stat()
    guard unsafe fstat(STDIN_FILENO, &status) == 0 else { return waitForever() }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFIFO || kind == S_IFSOCK || isatty(STDIN_FILENO) == 1 else {
      return waitForever()
    }
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = unsafe read(STDIN_FILENO, &buffer, buffer.count)
      // A background process that reads from its terminal gets EIO.
      if count < 0 && errno == EIO { return waitForever() }
      if count == 0 || count < 0 && errno != EINTR { return }
    }
  }

  private static func waitForever() {
    while true { pause() }
  }
}
