// `environ` is a variable of the C library, which Swift takes for shared mutable state; nothing here changes it.
@unsafe @preconcurrency internal import Glibc

/// The variables that this process was started with.
package enum ProcessEnvironment {
  /// Read once, before other threads could change them.
  package static func read() -> [String: String] {
    var variables: [String: String] = [:]
    var next = unsafe environ
    while let entry = unsafe next.pointee {
      let text = unsafe String(cString: entry)
      if let equals = text.firstIndex(of: "="), equals > text.startIndex {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      unsafe next += 1
    }
    return variables
  }
}
