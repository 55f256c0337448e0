/// The file `.env.sync`: settings that the process's environment leaves out.
///
/// A line is empty, a comment that begins with `#`, or `NAME=value`, with `export ` before it if one likes. A value
/// stands bare (a `#` after a blank begins a comment), in single quotes (taken as it is), or in double quotes (with the
/// escapes `\"`, `\\`, `\$`, `` \` `` and `\n`). No value spans lines, and `$` stands for itself.
package struct EnvironmentFile: Sendable {
  package struct Value: Hashable, Sendable {
    package let text: String
    package let line: Int
  }

  package let path: String
  package private(set) var values: [String: Value] = [:]
  /// What cannot be read, a sentence each. Lines are never quoted: they may hold a part of a key.
  package private(set) var problems: [String] = []

  /// Reads all lines, whatever is wrong with some.
  package init(_ bytes: [UInt8], path: String) {
    self.path = path
    let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    let lines = bytes.dropFirst(hasMark ? 3 : 0).split(
      separator: 0x0A, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() { read(line, number: index + 1) }
  }

  private mutating func read(_ bytes: ArraySlice<UInt8>, number: Int) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      problems.append("\(path):\(number): the line is not UTF-8 text")
      return
    }
    var line = text[...].trimmed
    guard let first = line.first, first != "#" else { return }
    if line.hasPrefix("export ") {
      line = line.dropFirst("export ".count).trimmed
    }
    guard let equals = line.firstIndex(of: "=") else {
      problems.append("\(path):\(number): the line is not of the form NAME=value")
      return
    }
    let name = line[..<equals].trimmed
    guard Self.isName(name) else {
      problems.append("\(path):\(number): what stands before the = is not a variable's name")
      return
    }
    do throws(Flaw) {
      let value = Value(
        text: try Self.value(line[line.index(after: equals)...].trimmed), line: number)
      if let earlier = values.updateValue(value, forKey: String(name)) {
        // Names of other programs may be anything, even a part of a key.
        let shown = name.hasPrefix("SYNC_") ? "\(name)" : "this variable"
        problems.append("\(path):\(number): \(shown) is already set in line \(earlier.line)")
      }
    } catch {
      problems.append("\(path):\(number): \(error.rawValue)")
    }
  }

  private static func isName(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, first > UInt8(ascii: "9") else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }

  private enum Flaw: String, Error {
    case openQuote = "a quote has no end in its line"
    case textAfterQuote = "something follows the closing quote"
  }

  private static func value(_ text: Substring) throws(Flaw) -> String {
    guard let quote = text.first, quote == "'" || quote == "\"" else { return bare(text) }
    var value = ""
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      if character == quote {
        let end = rest.trimmed
        guard end.isEmpty || (end.first == "#" && rest.first != "#") else {
          throw .textAfterQuote
        }
        return value
      }
      if quote == "\"", character == "\\", let next = rest.first, "\"\\$`n".contains(next) {
        rest.removeFirst()
        value.append(next == "n" ? "\n" : next)
      } else {
        value.append(character)
      }
    }
    throw .openQuote
  }

  private static func bare(_ text: Substring) -> String {
    if text.first == "#" { return "" }
    var last: Character = "x"
    for index in text.indices {
      if text[index] == "#", last.isWhitespace { return String(text[..<index].trimmed) }
      last = text[index]
    }
    return String(text)
  }
}

extension Substring {
  /// Without blanks, tabs and line ends around it.
  var trimmed: Substring {
    var text = drop { $0.isWhitespace }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
