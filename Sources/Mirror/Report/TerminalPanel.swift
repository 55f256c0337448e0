/// The last lines of a terminal, which are written over in place; nothing else may be written there but by way of
/// `above`. Gives what is to be written.
package struct TerminalPanel: Sendable {
  /// What stands there now.
  private var lines: [String] = []

  package init() {}

  package var isEmpty: Bool { lines.isEmpty }

  /// Puts these lines in place of those that stand there. None may be longer than the terminal is wide: what would
  /// begin a new line is cut off by the terminal.
  package mutating func draw(_ lines: [String]) -> String {
    guard !lines.isEmpty else { return clear() }
    defer { self.lines = lines }
    // The cursor waits at the end of the last line.
    return start + "\u{1B}[?7l" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n")
      + "\u{1B}[J\u{1B}[?7h"
  }

  /// Takes the lines away.
  package mutating func clear() -> String {
    guard !lines.isEmpty else { return "" }
    defer { lines = [] }
    return start + "\u{1B}[J"
  }

  /// Whole lines that stay, above the panel, which comes again below them.
  package mutating func above(_ text: String) -> String {
    guard !lines.isEmpty else { return text }
    let shown = lines
    return clear() + text + draw(shown)
  }

  private var start: String {
    lines.isEmpty ? "" : "\r" + (lines.count > 1 ? "\u{1B}[\(lines.count - 1)A" : "")
  }
}
