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
}
