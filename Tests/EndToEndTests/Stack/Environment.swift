import Glibc

enum Environment {
  /// This process's environment.
  static let process: [String: String] = {
    var result: [String: String] = [:]
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      let parts = unsafe String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
      unsafe entry += 1
    }
    return result
  }()

  /// Tests are to go on for longer, over more rows, than the everyday run can afford.
  static let isLong = process["SUPAMIRROR_TEST_LONG"] == "1"

  /// The folder of the running test bundle, where the package's executables stand as well.
  static let products: String = {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(
      decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
      separator: "/")
  }()
}
