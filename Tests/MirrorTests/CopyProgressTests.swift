import Supabase
import Testing

@testable import Mirror

@Suite struct CopyProgressTests {
  private static let a = TableName(name: "a")
  private static let b = TableName(schema: "shop", name: "Line Items")

  private static func page(
    _ rows: Int, in table: TableName = a, bytes: Int = 0, of estimate: Int? = nil,
    done: Bool = false
  ) -> TableProgress {
    TableProgress(
      table: table, rows: rows, bytes: bytes, estimate: estimate, isBackfill: true, isDone: done)
  }

  @Test(arguments: [
    (0, 1_000, 0), (10, 1_000, 1), (999, 1_000, 99), (1_000, 1_000, 99), (5_000, 1_000, 99),
    (0, 0, nil), (5, nil, nil),
  ])
  func `a share is never whole before the end`(rows: Int, estimate: Int?, percent: Int?) {
    var progress = CopyProgress()
    progress.note(Self.page(rows, of: estimate), at: .seconds(1))
    #expect(progress.tables[0].percent == percent)
    #expect(progress.total(at: .seconds(1)).percent == percent)
    progress.note(Self.page(rows, of: estimate, done: true), at: .seconds(2))
    #expect(progress.tables[0].percent == 100 && progress.total(at: .seconds(2)).percent == 100)
    #expect(progress.total(at: .seconds(2)).timeLeft == .zero && !progress.isAtWork)
  }

  @Test func `rates are of the last ten seconds, and fall to nothing where nothing comes`() {
    var progress = CopyProgress()
    progress.expect(Self.a, rows: 5_000_000, estimate: 10_000_000)
    for second in 0...100 {
      // Slow at first, and a hundred times as fast later.
      let rows = second <= 50 ? second * 10 : 500 + (second - 50) * 1_000
      progress.note(
        Self.page(5_000_000 + rows, bytes: rows * 100), at: .seconds(second))
    }
    let total = progress.total(at: .seconds(100))
    #expect(total.rowsPerSecond == 1_000 && total.bytesPerSecond == 100_000)
    #expect(total.rows == 5_050_500 && total.percent == 50)
    #expect(total.timeLeft == .seconds((10_000_000 - 5_050_500) / 1_000))
    #expect(progress.total(at: .seconds(105)).rowsPerSecond == 500)
    let later = progress.total(at: .seconds(200))
    #expect(later.rowsPerSecond == 0 && later.bytesPerSecond == 0 && later.timeLeft == nil)
  }

  @Test func `what earlier runs copied is no speed, and neither is a first page`() {
    var progress = CopyProgress()
    progress.note(Self.page(1_000_500), at: .seconds(1))
    #expect(progress.total(at: .seconds(1)).rowsPerSecond == 0)
    progress.note(Self.page(1_001_000), at: .seconds(1.2))
    #expect(progress.total(at: .seconds(1.2)).rowsPerSecond == 500)
  }

  @Test func `the total is of all tables that were named`() {
    var progress = CopyProgress()
    progress.expect(Self.a, rows: 0, estimate: 100)
    progress.expect(Self.b, rows: 0, estimate: nil)
    progress.note(Self.page(50), at: .seconds(1))
    #expect(progress.total(at: .seconds(1)).estimate == nil)
    #expect(progress.total(at: .seconds(1)).timeLeft == nil)
    progress.note(Self.page(10, in: Self.b, of: 300), at: .seconds(2))
    let total = progress.total(at: .seconds(2))
    #expect(total.estimate == 400 && total.percent == 15 && total.tablesDone == 0)
    // More than was expected: the estimate follows, the share does not fall behind it.
    progress.note(Self.page(250), at: .seconds(3))
    #expect(progress.total(at: .seconds(3)).estimate == 550)
    #expect(progress.total(at: .seconds(3)).timeLeft! >= .zero)
    progress.note(Self.page(250, of: 250, done: true), at: .seconds(4))
    #expect(progress.total(at: .seconds(4)).tablesDone == 1 && progress.isAtWork)
    #expect(progress.awaits(Self.b) && !progress.awaits(Self.a))
  }

  private static var two: CopyProgress {
    var progress = CopyProgress()
    progress.note(page(0, of: 1_000_000), at: .zero)
    progress.note(page(0, in: b, of: 2_000), at: .zero)
    progress.note(page(470_000, bytes: 52_000_000, of: 1_000_000), at: .seconds(10))
    progress.note(page(2_500, in: b, of: 2_000), at: .seconds(10))
    return progress
  }

  @Test func `a terminal shows a bar a table and the total`() {
    let lines = CopyProgressText(Self.two, at: .seconds(10)).lines(
      columns: 100, rows: 24, isColoured: false)
    #expect(
      lines == [
        "public.a         ██████████████░░░░░░░░░░░░░░░░  47 %  470,000 of ~1,000,000",
        "shop.Line Items  █████████████████████████████░  99 %  2,500",
        "47 %, 472,500 of ~1,002,500 rows, 47,250 rows/s, 11s left, 5.2 MB/s, 0 of 2 tables done",
      ])
    let coloured = CopyProgressText(Self.two, at: .seconds(10)).lines(
      columns: 100, rows: 24, isColoured: true)
    #expect(coloured[0].contains("\u{1B}[36m██") && coloured[0].hasSuffix("~1,000,000"))
  }

  @Test func `no line is as long as the terminal is wide, nor are there more than it is high`() {
    var progress = Self.two
    for number in 0..<30 {
      let name = TableName(name: String(repeating: "long name ", count: number) + "\n\u{1B}[2J")
      progress.note(Self.page(123_456_789, in: name, of: 234_567_890), at: .seconds(11))
    }
    for columns in [1, 2, 10, 20, 30, 40, 50, 60, 79, 80, 81, 120, 200] {
      for rows in [1, 2, 5, 10, 24, 50] {
        let lines = CopyProgressText(progress, at: .seconds(12)).lines(
          columns: columns, rows: rows, isColoured: false)
        #expect(lines.count <= max(2, rows - 1), "\(rows)")
        for line in lines {
          #expect(line.count < max(2, columns), "\(columns): \(line)")
          #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
        }
        let coloured = CopyProgressText(progress, at: .seconds(12)).lines(
          columns: columns, rows: rows, isColoured: true)
        let stripped = coloured.map { $0.replacing(/\u{1B}\[[0-9]*m/, with: "") }
        #expect(stripped == lines)
      }
    }
  }

  @Test func `elsewhere the same stands in one event`() {
    let event = Self.two.logEvent(at: .seconds(10))
    let line = LogLine.text(event, time: 0)
    #expect(
      line == "1970-01-01T00:00:00Z info  copying whole tables "
        + "tables=\"public.a 47 %, shop.Line Items 99 %\" tables.done=0 tables.total=2 rows=472500 "
        + "rows.estimated=1002500 percent=47 rows.per_second=47250 bytes.per_second=5200000 "
        + "seconds.left=11")
    #expect(LogLine.json(event, time: 0).contains(#""rows.per_second":"47250""#))
  }

  @Test(arguments: [
    (0, "0s"), (59, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (11_100, "3h 5m"),
    (187_200, "2d 4h"),
  ])
  func `time left is in two units`(seconds: Int, text: String) {
    #expect(CopyProgressText.left(.seconds(seconds)) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_234, "1.2 kB"), (12_345, "12 kB"),
    (999_499, "999 kB"), (999_999, "1.0 MB"), (5_250_000, "5.3 MB"), (1_500_000_000, "1.5 GB"),
    (-5, "0 B"), (.max, "9.2 EB"),
  ])
  func `sizes are in the unit that says them best`(bytes: Int, text: String) {
    #expect(SpokenBytes.text(bytes) == text)
  }
}

/// A terminal of so many columns, as far as the panel needs it.
private struct Screen {
  private(set) var rows = [""]
  private var row = 0
  private var column = 0

  var text: [String] {
    var rows = rows
    while rows.count > 1, rows.last == "" { rows.removeLast() }
    return rows
  }

  mutating func write(_ output: String) {
    var rest = Substring(output)
    while let character = rest.popFirst() {
      switch character {
      case "\r\n":
        down()
        column = 0
      case "\r": column = 0
      // As the terminal's driver has it.
      case "\n":
        down()
        column = 0
      case "\u{1B}":
        let code = rest.prefix { !$0.isLetter }
        rest = rest.dropFirst(code.count)
        switch rest.popFirst() {
        case "A": row = max(0, row - (Int(code.dropFirst()) ?? 1))
        case "K": rows[row] = String(rows[row].prefix(column))
        case "J":
          rows[row] = String(rows[row].prefix(column))
          rows.removeSubrange((row + 1)...)
        default: break
        }
      default:
        var line = Array(rows[row])
        while line.count <= column { line.append(" ") }
        line[column] = character
        rows[row] = String(line)
        column += 1
      }
    }
  }

  private mutating func down() {
    row += 1
    if row == rows.count { rows.append("") }
  }
}

@Suite struct TerminalPanelTests {
  @Test func `the panel is written over in place, and log lines stay above it`() {
    var panel = TerminalPanel()
    var screen = Screen()
    screen.write(panel.above("begin\n"))
    screen.write(panel.draw(["aaaa 1", "bbbb 1", "total"]))
    screen.write(panel.draw(["aaaa 2", "b 2", "total"]))
    #expect(screen.text == ["begin", "aaaa 2", "b 2", "total"])
    screen.write(panel.above("log line that is longer\n"))
    #expect(screen.text == ["begin", "log line that is longer", "aaaa 2", "b 2", "total"])
    screen.write(panel.draw(["total"]))
    #expect(screen.text == ["begin", "log line that is longer", "total"])
    screen.write(panel.draw(["x", "y", "z", "total"]))
    #expect(screen.text == ["begin", "log line that is longer", "x", "y", "z", "total"])
    screen.write(panel.clear())
    screen.write(panel.clear())
    screen.write("report\n")
    #expect(screen.text == ["begin", "log line that is longer", "report"])
  }

  @Test func `nothing shown is nothing written`() {
    var panel = TerminalPanel()
    #expect(panel.clear() == "" && panel.draw([]) == "" && panel.above("log\n") == "log\n")
    #expect(panel.isEmpty)
  }
}
