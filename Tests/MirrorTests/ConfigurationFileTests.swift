import Mirror
import Testing

@Suite struct ConfigurationFileTests {
  private func file(_ text: String) -> EnvironmentFile {
    EnvironmentFile(Array(text.utf8), path: "env")
  }

  @Test(arguments: [
    ("A=b", "b"), ("A=", ""), ("A = b", "b"), ("  A=b  ", "b"), ("export A=b", "b"),
    ("export   A=b", "b"),
    ("A=b c", "b c"), ("A=b # c", "b"), ("A=b#c", "b#c"), ("A=#c", ""), ("A= # c", ""),
    ("A=b\t# c", "b"),
    ("A='b # c'", "b # c"), ("A='b' # c", "b"), ("A=\"b\"", "b"), ("A=\"b # c\" # d", "b # c"),
    (#"A='a\nb"$c'"#, #"a\nb"$c"#), (#"A="a\nb\"\\\$\`\x""#, "a\nb\"\\$`\\x"), ("A=\"'\"", "'"),
    ("A=b'c'", "b'c'"), ("A=$HOME", "$HOME"), ("A=b=c==", "b=c=="), ("A=b\r", "b"),
    ("A='b'\r", "b"),
    ("\u{FEFF}A=b", "b"), ("A=é", "é"), ("A=''", ""), ("A=https://a.b/#c", "https://a.b/#c"),
  ])
  func `a line gives a value`(line: String, value: String) {
    let file = file(line + "\nB=c")
    #expect(file.problems == [])
    #expect(file.values["A"]?.text == value)
    #expect(file.values["A"]?.line == 1)
    #expect(file.values["B"]?.line == 2, "the next line is not touched")
  }

  @Test(arguments: ["", "\n\n", "# A=b", "  # A=b", "#A=b\r\n"])
  func `empty lines and comments give nothing`(text: String) {
    #expect(file(text).values.isEmpty)
    #expect(file(text).problems.isEmpty)
  }

  @Test(arguments: [
    ("A", "NAME=value"), ("export A", "NAME=value"), ("=b", "variable's name"),
    ("1A=b", "variable's name"),
    ("A-B=c", "variable's name"), ("A B=c", "variable's name"), ("é=c", "variable's name"),
    ("A='b", "no end"),
    ("A=\"b", "no end"), ("A=\"b\\\"", "no end"), ("A='b'c", "follows the closing quote"),
    ("A=\"b\" c", "follows the closing quote"), ("A='b'#c", "follows the closing quote"),
    ("A=b\nA=c", "already set in line 2"),
  ])
  func `a flaw is told with its line and nothing of the text`(line: String, part: String) {
    let file = file("#\n" + line + "\nLAST=1")
    #expect(file.problems.count == 1)
    let number = part.hasPrefix("already") ? 3 : 2
    #expect(file.problems.first?.hasPrefix("env:\(number): ") == true)
    #expect(file.problems.first?.contains(part) == true, "\(file.problems)")
    #expect(file.values["LAST"] != nil, "what follows is still read")
  }

  @Test func `bytes that are no text are a flaw of their line`() {
    let file = EnvironmentFile(
      Array("A=1\nB=".utf8) + [0xFF, 0x0A] + Array("C=3".utf8), path: "env")
    #expect(file.problems == ["env:2: the line is not UTF-8 text"])
    #expect(file.values.keys.sorted() == ["A", "C"])
  }
}
