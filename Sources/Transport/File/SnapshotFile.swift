internal import Glibc

/// A small file that says how things are, replaced whole: a reader gets the old or the new content, never a part.
///
/// Unlike a `DurableFile` it is not synced to the disk, so replacing it is cheap; after a power failure it may be old
/// or empty. There is one writer at a time.
package struct SnapshotFile: Hashable, Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  /// The content, nil if there is no such file.
  package func read() throws(FileError) -> [UInt8]? { try DurableFile(path).read() }

  /// Does nothing where there is no such file.
  package func remove() throws(FileError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw FileError("remove", path, code: errno)
    }
  }

  /// The file belongs to its user alone (mode 0600).
  package func replace(with content: [UInt8]) throws(FileError) {
    let temporary = path + ".tmp"
    _ = unsafe unlink(temporary)
    do {
      let file = try Descriptor(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "write")
      try file.write(content)
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    guard unsafe rename(temporary, path) == 0 else {
      let code = errno
      _ = unsafe unlink(temporary)
      throw FileError("replace", path, code: code)
    }
  }
}
