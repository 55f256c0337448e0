import JSON
import Mirror
import Testing

@Suite struct LogLineTests {
  /// What the sink gets for one call.
  private func happening(
    _ level: LogEvent.Level = .warning, _ fields: KeyValuePairs<String, String> = [:]
  ) -> LogEvent? {
    let events = Events()
    let log = Log { events.add($0) }
    switch level {
    case .debug: log.debug("it happened", fields)
    case .info: log.info("it happened", fields)
    case .warning: log.warning("it happened", fields)
    case .error: log.error("it happened", fields)
    }
    return events.last
  }

  /// 2026-11-21T04:00:00Z, and a little.
  private let time: Int64 = 1_795_233_600_999_999

  @Test(arguments: [
    (LogEvent.Level.debug, "debug"), (.info, "info "), (.warning, "warning"), (.error, "error"),
  ])
  func `a line has time, level and message`(level: LogEvent.Level, name: String) throws {
    let event = try #require(happening(level))
    #expect(LogLine.text(event, time: time) == "2026-11-21T04:00:00Z \(name) it happened")
    let coloured = LogLine.text(event, time: time, isColoured: true)
    #expect(coloured.contains("\u{1B}[") && coloured.hasSuffix("\u{1B}[0m it happened"))
    #expect(LogEvent.Level(name: level.name) == level)
  }

  @Test(arguments: [
    ("plain", "plain"), ("public.todos", "public.todos"), ("", "\"\""), ("a b", "\"a b\""),
    ("a=b", "\"a=b\""),
    ("a\"b", #""a\"b""#), ("a\\b", #""a\\b""#), ("a\nb", #""a\nb""#),
    ("a\u{1B}[2J", #""a\u001b[2J""#),
    ("é😀", "é😀"), ("a\u{202E}b", #""a\u{202e}b""#), ("https://a.b:1/c", "https://a.b:1/c"),
  ])
  func `values are quoted where they could be misread`(value: String, shown: String) throws {
    let event = try #require(happening(.info, ["k": value, "z": "1"]))
    #expect(LogLine.text(event, time: time).hasSuffix("it happened k=\(shown) z=1"))
    let node = try JSONNode(parsing: Array(LogLine.json(event, time: time).utf8))
    #expect(node["fields"]?["k"]?.string == value)
  }

  @Test func `a JSON line is one object`() throws {
    let event = try #require(happening(.error, ["message": "other"]))
    #expect(
      LogLine.json(event, time: 0)
        == #"{"time":"1970-01-01T00:00:00Z","level":"error","message":"it happened","fields":{"message":"other"}}"#
    )
  }

  @Test func `workflows get warnings and errors as commands of one line`() throws {
    #expect(LogLine.workflowCommand(try #require(happening(.info))) == nil)
    let warning = try #require(happening(.warning, ["k": "100%\r\n::error::x"]))
    let command = try #require(LogLine.workflowCommand(warning))
    #expect(command == #"::warning::it happened k="100%25\r\n::error::x""#)
    #expect(LogLine.workflowCommand(.error, "50%\r\nx") == "::error::50%25%0D%0Ax")
  }
}

/// Collects what a log's sink is given, on the caller's thread.
private final class Events: @unchecked Sendable {
  private var events: [LogEvent] = []
  func add(_ event: LogEvent) { events.append(event) }
  var last: LogEvent? { events.last }
}
