internal import Glibc

/// A file that others write to as well, and that only ever grows, such as a workflow's summary.
package struct AppendedFile: Hashable, Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package func append(_ text: String) throws(FileError) {
    let file = try Descriptor(path, O_WRONLY | O_APPEND | O_CREAT, "append to")
    try file.write(Array(text.utf8))
  }
}
