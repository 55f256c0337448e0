import Testing
import Transport

/// Stands in for systemd: what a service says to it, and when.
final class ServiceManager: Sendable {
  struct Message: Sendable {
    let time: ContinuousClock.Instant
    let text: String

    /// `WATCHDOG=1` and the like, one a line.
    var assignments: [Substring] { text.split(separator: "\n") }
    func has(_ assignment: String) -> Bool { assignments.contains { $0 == assignment } }
  }

  /// The variables for the service.
  let environment: [String: String]
  private let socket: ServiceManagerSocket
  private let heard = Locked<[Message]>([])

  /// - Parameter watchdog: the service is to be killed when it has not said `WATCHDOG=1` for so long.
  init(watchdog: Duration? = nil) {
    socket = ServiceManagerSocket(ServiceManagerSocket.makeAddress())
    environment = socket.environment(watchdog: watchdog)
    let (messages, heard) = (socket.messages, heard)
    Task {
      for await text in messages {
        heard.withLock { $0.append(Message(time: .now, text: text)) }
      }
    }
  }

  /// In the order they came.
  var messages: [Message] { heard.withLock { $0 } }

  /// When the service last said that it works.
  var lastSign: ContinuousClock.Instant? { messages.last { $0.has("WATCHDOG=1") }?.time }

  func count(_ assignment: String) -> Int { messages.count { $0.has(assignment) } }

  /// Waits until there are so many messages with this assignment.
  func wait(for assignment: String, count wanted: Int = 1) async throws {
    let start = ContinuousClock.now
    while count(assignment) < wanted {
      guard ContinuousClock.now - start < DaemonProgram.patience else {
        throw DaemonProgram.Overdue(
          description: "not heard \(wanted) times: \(assignment)\n\(messages.map(\.text))")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
