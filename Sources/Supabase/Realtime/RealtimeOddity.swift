/// A message that the client has no use for. None ends anything: servers of other versions say other things.
package enum RealtimeOddity: Hashable, Sendable, CaseIterable {
  case binaryMessage
  case notJSON
  /// JSON, but no `[join_ref, ref, topic, event, payload]`.
  case noMessage
  case unknownTopic
  case unknownEvent
  /// A `system` message or a reply without its parts.
  case unreadableAnswer
  /// A change without its parts.
  case unreadableChange
  /// A change for other bindings than the channel's.
  case foreignChange
  /// A change of a table that was not asked for: the server compares names as patterns.
  case otherTable
  /// A change that came for a channel between its leave and its new join's reply. This is no surprise.
  case lateChange

  /// One sentence, for people. It quotes nothing of the message.
  package var description: String {
    switch self {
    case .binaryMessage: "The server sent a binary message, which was never asked for."
    case .notJSON: "The server sent a message that is not JSON."
    case .noMessage: "The server sent JSON that is not a message of protocol 2.0.0."
    case .unknownTopic: "The server sent a message for a channel that was never joined."
    case .unknownEvent: "The server sent an event that this client does not know."
    case .unreadableAnswer: "The server sent an answer that lacks something or cannot be read."
    case .unreadableChange:
      "The server sent a row change that lacks something or cannot be read; its row is found by the next full pass."
    case .foreignChange: "The server sent a row change for a subscription that was never made."
    case .otherTable:
      "The server sends changes of tables that were not asked for, whose names fit as patterns (_ stands for any character)."
    case .lateChange: "The server sent a change for a channel that was just left."
    }
  }
}

/// What the client has seen since it was made.
package struct RealtimeStatistics: Hashable, Sendable {
  package private(set) var messages = 0
  package private(set) var changes = 0
  package private(set) var oddities: [RealtimeOddity: Int] = [:]

  package init() {}

  mutating func countMessage() { messages += 1 }
  mutating func countChange() { changes += 1 }
  mutating func count(_ oddity: RealtimeOddity) { oddities[oddity, default: 0] += 1 }
}
