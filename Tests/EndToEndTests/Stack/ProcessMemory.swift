import Glibc
import Transport

/// What a running process has in memory, as the kernel tells. Not by `wait4`: that counts what the process had before
/// it became another program, which is what this one has.
enum ProcessMemory {
  /// - Parameter name: a line of `/proc/<pid>/status`.
  /// - Returns: bytes; 0 where the process has ended.
  static func read(_ name: String, of process: ChildProcess) -> Int {
    let bytes = [UInt8](reading: "/proc/\(process.pid)/status")
    let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(name) }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
      << 10
  }

  /// The most that was resident; looks until the process has ended, as nobody can tell after that.
  static func peak(of process: ChildProcess) async -> Int {
    var peak = 0
    while process.status == nil {
      peak = max(peak, read("VmHWM:", of: process))
      try? await Task.sleep(for: .milliseconds(20))
    }
    return peak
  }
}

extension [UInt8] {
  /// A file's content as far as it can be read, also where the kernel makes it up and it has no size.
  fileprivate init(reading path: String) {
    self = []
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(file, $0.baseAddress, $0.count)
      }
      guard count > 0 else { return }
      self += buffer[..<count]
    }
  }
}
