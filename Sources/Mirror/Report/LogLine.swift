import JSON

/// How an event is written down. Each of these gives one line without its end.
package enum LogLine {
  /// `2026-11-21T04:00:00Z info  message key=value`.
  ///
  /// - Parameters:
  ///   - time: microseconds since 1970, UTC.
  ///   - isColoured: for a terminal.
  package static func text(_ event: LogEvent, time: Int64, isColoured: Bool = false) -> String {
    let level = event.level.name + (event.level.name.count < 5 ? " " : "")
    let shown = isColoured ? event.level.colour + level + "\u{1B}[0m" : level
    var line = "\(timestamp(time)) \(shown) \(printable(event.message))"
    for field in event.fields { line += " \(field.key)=\(quoted(field.value))" }
    return line
  }

  /// One JSON object; the fields' keys cannot clash with those of the event, which stand first.
  package static func json(_ event: LogEvent, time: Int64) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in [
      ("time", timestamp(time)), ("level", event.level.name), ("message", event.message),
    ] {
      writer.name(name)
      writer.string(value)
    }
    if !event.fields.isEmpty {
      writer.name("fields")
      writer.beginObject()
      for field in event.fields {
        writer.name(field.key)
        writer.string(field.value)
      }
      writer.endObject()
    }
    writer.endObject()
    return writer.text
  }

  /// A workflow command of GitHub Actions, which shows it on the run's page; nil below a warning.
  ///
  /// In a command's data `%`, CR and LF are escaped (docs.github.com, "Workflow commands": the toolkit's
  /// `escapeData`), so one event stays one command.
  package static func workflowCommand(_ event: LogEvent) -> String? {
    guard event.level >= .warning else { return nil }
    var data = event.message
    for field in event.fields { data += " \(field.key)=\(quoted(field.value))" }
    return workflowCommand(event.level, data)
  }

  /// The same for a sentence that is no event.
  package static func workflowCommand(_ level: LogEvent.Level, _ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%": escaped += "%25"
      case "\r": escaped += "%0D"
      case "\n": escaped += "%0A"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return "::\(level == .error ? "error" : "warning")::\(escaped)"
  }

  /// To the second, as people read it.
  static func timestamp(_ time: Int64) -> String {
    TimeText.timestamp(time + TimeText.unixEpoch, offset: "").prefix(19) + "Z"
  }

  private static func quoted(_ value: String) -> String {
    let isPlain =
      !value.isEmpty
      && value.unicodeScalars.allSatisfy { scalar in
        scalar.value > 0x20 && !"\"=\\".unicodeScalars.contains(scalar) && isPrintable(scalar)
      }
    return isPlain ? value : printable(JSONToken(string: value).text)
  }

  /// A name in the database may hold anything: nothing of it may move the terminal's cursor or begin a line.
  package static func printable(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars {
      if isPrintable(scalar) {
        shown.unicodeScalars.append(scalar)
      } else {
        shown += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return shown
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
      .unassigned:
      false
    default: true
    }
  }
}

extension LogEvent.Level {
  fileprivate var colour: String {
    switch self {
    case .debug: "\u{1B}[2m"
    case .info: "\u{1B}[36m"
    case .warning: "\u{1B}[33m"
    case .error: "\u{1B}[31m"
    }
  }
}
