import Transport

/// Where frames go: drawn over each other on a terminal, else a line every few seconds.
struct DemoScreen {
  private let stream: StandardStream
  private let drawsOver: Bool
  private let isColoured: Bool
  private let assumedColumns: Int
  private var linesDrawn = 0
  private var storiesTold = 0
  private var lastLine: Duration?

  private static let pause = Duration.seconds(5)

  init(_ stream: StandardStream, _ variables: [String: String]) {
    self.stream = stream
    drawsOver = stream.isTerminal && variables["TERM"] != "dumb"
    isColoured = drawsOver && (variables["NO_COLOR"] ?? "").isEmpty
    assumedColumns = variables["COLUMNS"].flatMap { Int($0) } ?? 80
  }

  mutating func show(_ frame: DemoFrame) {
    if drawsOver { draw(frame.lines) } else { tell(frame) }
  }

  private mutating func draw(_ all: [DemoFrame.Line]) {
    let size = stream.size
    // The last column is left free: some terminals wrap when it is written. What has scrolled away cannot be drawn
    // over.
    let width = max(1, (size?.columns ?? assumedColumns) - 1)
    let lines = all.prefix(max(1, (size?.rows ?? 24) - 1))
    var text = linesDrawn > 0 ? "\u{1B}[\(linesDrawn)A\r" : ""
    for line in lines { text += fitted(line, width) + "\u{1B}[K\n" }
    // Below may be a longer frame's end, or a ^C.
    stream.write(text + "\u{1B}[J")
    linesDrawn = lines.count
  }

  private func fitted(_ line: DemoFrame.Line, _ width: Int) -> String {
    var left = width
    var text = ""
    for piece in line.pieces where left > 0 {
      let part = piece.text.prefix(left)
      left -= part.count
      text +=
        isColoured && piece.style != .plain
        ? "\u{1B}[\(piece.style.rawValue)m\(part)\u{1B}[0m" : part
    }
    return text
  }

  private mutating func tell(_ frame: DemoFrame) {
    for story in frame.stories.dropFirst(storiesTold) {
      stream.write(DemoFrame.plain(story) + "\n")
    }
    storiesTold = frame.stories.count
    guard lastLine.map({ frame.elapsed - $0 >= Self.pause }) ?? true else { return }
    lastLine = frame.elapsed
    stream.write(frame.plain + "\n")
  }
}
