/// Puts one message after another together from the pieces that libwebsockets hands out: parts of frames, in order.
struct IncomingMessage {
  struct Piece {
    var bytes: [UInt8]
    /// What is still to come of its frame.
    var remaining: Int
    var isBinary: Bool
    /// Whether the message ends with it.
    var isLast: Bool
  }

  /// The connection cannot be gone on with; `code` belongs in the close frame that says so.
  enum Violation: Int, Error {
    case notUTF8 = 1007
    case tooLarge = 1009

    var code: Int { rawValue }
  }

  private let limit: Int
  private var bytes: [UInt8] = []

  init(maximumBytes: Int) { limit = maximumBytes }

  /// Nil: the message goes on.
  mutating func take(_ piece: Piece) throws(Violation) -> WebSocketMessage? {
    guard piece.remaining <= limit, piece.bytes.count + piece.remaining <= limit - bytes.count
    else { throw .tooLarge }
    if bytes.isEmpty { bytes = piece.bytes } else { bytes += piece.bytes }
    guard piece.isLast else { return nil }
    defer { bytes = [] }
    if piece.isBinary { return .binary(bytes) }
    guard (try? UTF8Span(validating: bytes.span)) != nil else { throw .notUTF8 }
    return .text(bytes)
  }
}
