/// One thing that happened: a constant sentence and its data as `dotted.key=value` pairs. Never a service
/// key, never row data.
package struct LogEvent: Hashable, Sendable {
  package enum Level: Int, Sendable, Comparable, CaseIterable {
    case debug, info, warning, error

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  package let level: Level
  package let message: String
  package let fields: [Field]

  package struct Field: Hashable, Sendable {
    package let key: String
    package let value: String
  }
}

/// Where the mirror says what it does. The sink may be called from any thread, concurrently.
package struct Log: Sendable {
  private let sink: @Sendable (LogEvent) -> Void

  package init(sink: @escaping @Sendable (LogEvent) -> Void) { self.sink = sink }

  /// Says nothing.
  package static let none = Log { _ in }

  package func debug(_ message: StaticString, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.debug, message, fields)
  }
  package func info(_ message: StaticString, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.info, message, fields)
  }
  package func warning(_ message: StaticString, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.warning, message, fields)
  }
  package func error(_ message: StaticString, _ fields: KeyValuePairs<String, String> = [:]) {
    write(.error, message, fields)
  }

  /// For a decision that says what is to be logged; its message must be a constant sentence.
  package func write(_ event: LogEvent) { sink(event) }

  private func write(
    _ level: LogEvent.Level, _ message: StaticString, _ fields: KeyValuePairs<String, String>
  ) {
    sink(
      LogEvent(
        level: level, message: "\(message)",
        fields: fields.map { LogEvent.Field(key: $0.key, value: $0.value) }))
  }
}
