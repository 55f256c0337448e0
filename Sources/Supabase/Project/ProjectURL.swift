/// A project's base URL in one normal form (lower-case scheme and host, no trailing slash, no default port), so
/// that two spellings of one project are equal.
package struct ProjectURL: Hashable, Sendable, CustomStringConvertible {
  package let description: String
  /// Without port, lower case.
  package let host: String

  /// Blanks around the text, slashes at its end and a `/rest/v1` there are dropped; another path is kept, for
  /// stacks behind a prefix.
  ///
  /// nil where the text is not an http or https URL with a host, or has user info, a query or a fragment.
  package init?(_ text: String) {
    let text = text.trimmed
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    guard let mark = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<mark.lowerBound].lowercased()
    guard scheme == "https" || scheme == "http" else { return nil }
    let rest = text[mark.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    guard let (host, port) = Self.hostAndPort(authority.lowercased()),
      let path = Self.path(rest.dropFirst(authority.count))
    else { return nil }
    let isDefaultPort = port == nil || port == (scheme == "https" ? 443 : 80)
    self.host = host
    description = "\(scheme)://\(host)" + (isDefaultPort ? "" : ":\(port!)") + path
  }

  /// The project's reference where the host is one of Supabase's own, `<ref>.supabase.co`.
  package var projectRef: String? {
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count == 3, labels[1] == "supabase", labels[2] == "co" else { return nil }
    return String(labels[0])
  }

  private static func hostAndPort(_ authority: String) -> (String, Int?)? {
    var host = authority
    var port: Int?
    let isLiteral = authority.first == "["
    let portMark = isLiteral ? authority.firstRange(of: "]:") : authority.firstRange(of: ":")
    if let portMark {
      let digits = authority[portMark.upperBound...]
      guard (1...5).contains(digits.count), digits.allSatisfy(\.isNumber),
        let number = Int(digits), (1...65_535).contains(number)
      else { return nil }
      port = number
      host = String(authority[..<portMark.lowerBound]) + (isLiteral ? "]" : "")
    }
    if isLiteral {
      guard host.count > 3, host.last == "]",
        host.dropFirst().dropLast().allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
      else { return nil }
      return (host, port)
    }
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      !label.isEmpty && label.utf8.allSatisfy { isNameByte($0) }
    }
    return isName ? (host, port) : nil
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func path(_ text: Substring) -> String? {
    guard !text.contains(where: { "?#\\\"<>^`{|}@".contains($0) }) else { return nil }
    var path = text
    while path.last == "/" { path = path.dropLast() }
    if path.hasSuffix("/rest/v1") {
      path = path.dropLast("/rest/v1".count)
      while path.last == "/" { path = path.dropLast() }
    }
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    return String(path)
  }
}

extension String {
  /// Without blanks, tabs and line ends around it.
  fileprivate var trimmed: Substring {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return text
  }
}
