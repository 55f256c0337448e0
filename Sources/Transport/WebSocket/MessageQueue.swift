/// Messages that wait to be received, first in, first out.
struct MessageQueue {
  /// So much may wait before reading pauses; the message that crosses the line is still taken.
  static let maximumCount = 64
  static let maximumBytes = 8 << 20

  private var messages: [WebSocketMessage] = []
  private var first = 0
  private var byteCount = 0

  var hasRoom: Bool {
    messages.count - first < Self.maximumCount && byteCount < Self.maximumBytes
  }

  /// So much has been taken that reading is worth while again, after there was no room.
  var isHalfEmpty: Bool {
    messages.count - first <= Self.maximumCount / 2 && byteCount <= Self.maximumBytes / 2
  }

  mutating func append(_ message: WebSocketMessage) {
    messages.append(message)
    byteCount += message.byteCount
  }

  mutating func removeFirst() -> WebSocketMessage? {
    guard first < messages.count else { return nil }
    let message = messages[first]
    messages[first] = .binary([])
    first += 1
    byteCount -= message.byteCount
    if first == messages.count {
      messages.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= Self.maximumCount {
      messages.removeFirst(first)
      first = 0
    }
    return message
  }
}

extension WebSocketMessage {
  fileprivate var byteCount: Int {
    switch self {
    case .text(let bytes), .binary(let bytes): bytes.count
    }
  }
}
