internal import Glibc

/// A small file that is only ever read or replaced whole.
///
/// A crash at any instruction leaves the old or the new content, whole. There is one writer at a time: whoever
/// replaces holds the `FileLock` of the same path. Symbolic links are followed, so that a link stays a link.
package struct DurableFile: Hashable, Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  /// The content, nil if there is no such file.
  package func read() throws(FileError) -> [UInt8]? {
    let file: Descriptor
    do {
      file = try Descriptor(path, O_RDONLY, "read")
    } catch {
      guard error.code == ENOENT else { throw error }
      return nil
    }
    return try file.readAll()
  }

  /// Returns once the content is on the disk. After an error the file has its old content, or the new one if
  /// only the folder could not be synced. The file belongs to its user alone (mode 0600), unless it is for all to
  /// read (0644).
  package func replace(with content: [UInt8], isPrivate: Bool = true) throws(FileError) {
    let target = try Self.resolved(path)
    // Always the same name, so what a killed process left is overwritten and never adds up.
    let temporary = target + ".tmp"
    _ = unsafe unlink(temporary)
    do {
      let file = try Descriptor(
        temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "write",
        mode: isPrivate ? 0o600 : 0o644)
      try file.write(content)
      try file.sync()
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    guard unsafe rename(temporary, target) == 0 else {
      let code = errno
      _ = unsafe unlink(temporary)
      throw FileError("replace", target, code: code)
    }
    try Descriptor(Self.folder(of: target), O_RDONLY | O_DIRECTORY, "sync").sync()
  }

  /// Whether the group or others may read it; nil: there is no such file, or it cannot be looked at.
  package var isReadableByOthers: Bool? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return status.st_mode & (S_IRGRP | S_IROTH) != 0
  }

  /// Makes the folders that the path leads through, where they are missing.
  package func makeFolder() throws(FileError) {
    let folder = Self.folder(of: path)
    if folder == "." || folder == "/" { return }
    if unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT else { throw FileError("make", folder, code: errno) }
    try DurableFile(folder).makeFolder()
    guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else {
      throw FileError("make", folder, code: errno)
    }
  }

  /// Where the path leads if it is a symbolic link, though nothing may be there yet.
  static func resolved(_ path: String) throws(FileError) -> String {
    var path = path
    for _ in 0..<40 {
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
          guard let start = characters.baseAddress else { return -1 }
          return unsafe readlink(path, start, characters.count)
        }
      }
      guard count >= 0 else { return path }
      let link = String(decoding: buffer[..<count], as: UTF8.self)
      path = link.hasPrefix("/") ? link : folder(of: path) + "/" + link
    }
    throw FileError("follow", path, code: ELOOP)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
