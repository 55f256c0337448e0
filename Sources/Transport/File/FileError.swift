internal import Glibc

/// A file could not be read, replaced or locked.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, as a verb: "read", "lock" …
  package var action: String
  package var path: String
  /// errno.
  package var code: Int32
  /// The process that holds the lock, if that is what stood in the way and it is known.
  package var holder: Int32?

  package init(_ action: String, _ path: String, code: Int32, holder: Int32? = nil) {
    self.action = action
    self.path = path
    self.code = code
    self.holder = holder
  }

  /// Another process holds the lock.
  package var isLocked: Bool { code == EWOULDBLOCK }

  /// What happened, to which file, and what to do.
  package var description: String {
    if isLocked {
      let process = holder.map { "process \($0)" } ?? "another process"
      return "Cannot \(action) \(path): \(process) uses it; end that process or use another path."
    }
    return "Cannot \(action) \(path): \(unsafe String(cString: strerror(code)))\(advice)."
  }

  private var advice: String {
    switch code {
    case ENOENT, ENOTDIR: "; create its folder or correct the path"
    case EACCES, EPERM: "; let this user read and write it and its folder"
    case EROFS: "; use a path on a file system that can be written"
    case ENOSPC, EDQUOT: "; make room on that disk"
    case EISDIR: "; name a file, not a folder"
    default: ""
    }
  }
}
