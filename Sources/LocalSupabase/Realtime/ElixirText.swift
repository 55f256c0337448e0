import JSON

/// Values as the Realtime server, which is written in Elixir, shows them in its messages.
indirect enum ElixirText: Sendable {
  case word(String)
  case string(String)
  case list([ElixirText])
  case tuple([ElixirText])
  case map([(name: String, value: ElixirText)])

  /// As `inspect` writes it, in lines of 80 characters.
  var text: String { render(indentation: 0) }

  init(_ node: JSONNode) {
    switch node.value {
    case .null: self = .word("nil")
    case .bool(let bool): self = .word(bool ? "true" : "false")
    case .number(let digits): self = .word(digits)
    case .string(let string): self = .string(string)
    case .array(let elements): self = .list(elements.map { ElixirText($0) })
    case .object(let members):
      // The last of several members of a name counts; small maps are in order.
      let values = Dictionary(members.map { ($0.name, $0.node) }) { $1 }
      self = .map(
        values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
          .map { ($0.key, ElixirText($0.value)) })
    }
  }

  init(_ value: String?) { self = value.map { .string($0) } ?? .word("nil") }

  private var isContainer: Bool {
    switch self {
    case .word, .string: false
    case .list, .tuple, .map: true
    }
  }

  private func render(indentation: Int) -> String {
    switch self {
    case .word(let word): return word
    case .string(let string): return Self.quoted(string)
    case .list(let items): return Self.container("[", "]", items.map { ("", $0) }, indentation)
    case .tuple(let items): return Self.container("{", "}", items.map { ("", $0) }, indentation)
    case .map(let members):
      return Self.container(
        "%{", "}", members.map { (Self.quoted($0.name) + " => ", $0.value) }, indentation)
    }
  }

  /// On one line if that fits; else an item a line where there are containers among them, and as many items a line as
  /// fit where there are none.
  private static func container(
    _ open: String, _ close: String, _ items: [(prefix: String, value: ElixirText)],
    _ indentation: Int
  ) -> String {
    let width = 80
    let flat = items.map { $0.prefix + $0.value.render(indentation: .min) }
    let line = open + flat.joined(separator: ", ") + close
    guard indentation != .min, indentation + line.count > width else { return line }
    if items.contains(where: \.value.isContainer) {
      let inner = indentation + 2
      let blanks = String(repeating: " ", count: inner)
      let lines = items.map { blanks + $0.prefix + $0.value.render(indentation: inner) }
      return open + "\n" + lines.joined(separator: ",\n") + "\n" + blanks.dropLast(2) + close
    }
    let blanks = "\n" + String(repeating: " ", count: indentation + open.count)
    var text = open
    var column = indentation + open.count
    for (index, item) in flat.enumerated() {
      let mark = index + 1 < flat.count ? "," : ""
      if index > 0 {
        if column + 1 + item.count + mark.count <= width {
          text += " "
          column += 1
        } else {
          text += blanks
          column = indentation + open.count
        }
      }
      text += item + mark
      column += item.count + mark.count
    }
    return text + close
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\0": text += "\\0"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text.split(separator: "#{", omittingEmptySubsequences: false)
      .joined(separator: "\\#{") + "\""
  }
}
