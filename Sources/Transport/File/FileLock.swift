internal import Glibc

/// The right to replace a file, for one process at a time.
///
/// It is an advisory lock on `<path>.lock`, which stays where it is: the kernel gives the lock back when this
/// value or its process ends, however it ends. The lock file holds the number of the process that locked last.
package final class FileLock: Sendable {
  private let file: Descriptor

  /// Fails at once, with `isLocked`, if another holder has it. Two names of one file by symbolic link share
  /// one lock.
  package init(_ path: String) throws(FileError) {
    let target = try DurableFile.resolved(path)
    file = try Descriptor(target + ".lock", O_RDWR | O_CREAT, "lock")
    do {
      try file.lock()
    } catch {
      guard error.isLocked else { throw error }
      throw FileError("lock", target, code: error.code, holder: Self.holder(of: file))
    }
    try file.truncate()
    try file.write(Array("\(getpid())\n".utf8))
  }

  private static func holder(of file: borrowing Descriptor) -> Int32? {
    guard let bytes = try? file.readAll() else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }
}
