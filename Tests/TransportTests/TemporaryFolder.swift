import Glibc
import Testing
import Transport

/// A folder that goes with its last reference.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    var name = Array("/tmp/supamirror-test-XXXXXX".utf8CString)
    precondition(unsafe mkdtemp(&name) != nil)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = unsafe system("rm -rf '\(path)'") }

  func write(_ name: String, _ content: [UInt8]) throws {
    try DurableFile("\(path)/\(name)").replace(with: content)
  }

  /// What the folder holds, in alphabetical order.
  func names() throws -> [String] {
    let list = try shell("ls > .list", reading: ".list")
    return String(decoding: list, as: UTF8.self).split(separator: "\n").map { String($0) }
  }

  /// Runs a command in the folder and returns the file that it made.
  func shell(_ command: String, reading name: String) throws -> [UInt8] {
    #expect(unsafe system("cd '\(path)' && { \(command); } 2> .errors") == 0)
    return try DurableFile("\(path)/\(name)").read() ?? []
  }
}
