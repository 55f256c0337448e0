internal import Glibc

/// The right to replace a file, for one process at a time.
///
/// It is an advisory lock on `<path>.lock`, which stays where it is: the kernel gives the lock back when this
/// value or its process ends, however it ends. The lock file holds the number of the process that locked last.
package final class FileLock: Sendable {
  private let file: Descriptor

  /// Fails soon, with `isLocked`, if another holder has it. Two names of one file by symbolic link share
  /// one lock.
  package init(_ path: String) throws(FileError) {
    let target = try DurableFile.resolved(path)
    file = try Descriptor(target + ".lock", O_RDWR | O_CREAT, "lock")
    do {
      try Self.lock(file)
    } catch {
      guard error.isLocked else { throw error }
      throw FileError("lock", target, code: error.code, holder: Self.holder(of: file))
    }
    try file.truncate()
    try file.write(Array("\(getpid())\n".utf8))
  }

  /// A glance of `state` at the lock, which takes some microseconds, must not pass for a holder.
  private static func lock(_ file: borrowing Descriptor) throws(FileError) {
    for _ in 0..<10 {
      if (try? file.lock()) != nil { return }
      usleep(5_000)
    }
    try file.lock()
  }

  /// Who has the lock of a path now, without taking it or making a file.
  package static func state(of path: String) throws(FileError) -> State {
    let target = try DurableFile.resolved(path)
    let file: Descriptor
    do {
      file = try Descriptor(target + ".lock", O_RDONLY, "look at")
    } catch {
      guard error.code == ENOENT else { throw error }
      return .free
    }
    do {
      try file.lock(shared: true)
      return .free
    } catch {
      guard error.isLocked else { throw error }
      return .held(by: Self.holder(of: file))
    }
  }

  package enum State: Hashable, Sendable {
    case free
    /// By the process of this number, where it is known.
    case held(by: Int32?)
  }

  private static func holder(of file: borrowing Descriptor) -> Int32? {
    guard let bytes = try? file.readAll() else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
  }
}
