/// Text for HTML. Names in the database may hold anything: nothing of it may end a text, begin a tag or turn the
/// direction of what follows.
enum HTMLText {
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in LogLine.printable(text).unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// A table's name, broken where its words end if it must be.
  static func name(_ text: String) -> String {
    escaped(text).replacing(".", with: ".<wbr>").replacing("_", with: "_<wbr>")
  }

  /// The same as `escaped`, with what stands between backticks as code.
  static func sentence(_ text: String) -> String {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false)
    // An odd backtick is one of the text.
    guard parts.count > 2, parts.count % 2 == 1 else { return escaped(text) }
    return parts.enumerated().map { index, part in
      index % 2 == 0 ? escaped(String(part)) : "<code>\(escaped(String(part)))</code>"
    }.joined()
  }
}
