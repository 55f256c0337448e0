/// The bytes of one direction of a relayed connection on their way, decided without a socket or a clock.
struct RelayStream {
  typealias Instant = ContinuousClock.Instant

  /// No more than this, and one piece, is kept.
  static let limit = 4 << 20

  private struct Piece {
    let bytes: [UInt8]
    let due: Instant
  }

  private var pieces: [Piece] = []
  /// How much of the first piece has gone out.
  private var offset = 0
  private var byteCount = 0
  /// When the end of the stream, which has come, is to be passed on.
  private var endDue: Instant?
  /// What the bandwidth allows.
  private var nextWrite: Instant?
  /// The end was passed on.
  private(set) var hasFinished = false

  var isEmpty: Bool { pieces.isEmpty }
  var wantsInput: Bool { endDue == nil && byteCount < Self.limit }

  mutating func append(_ bytes: [UInt8], at now: Instant, latency: Duration) {
    pieces.append(Piece(bytes: bytes, due: now + latency))
    byteCount += bytes.count
  }

  mutating func end(at now: Instant, latency: Duration) { endDue = now + latency }

  /// When something is to be passed on; nil: there is nothing.
  var due: Instant? {
    guard let due = pieces.first?.due ?? (hasFinished ? nil : endDue) else { return nil }
    guard let nextWrite, !pieces.isEmpty else { return due }
    return max(due, nextWrite)
  }

  /// What may go out now.
  func ready(at now: Instant, bytesPerSecond: Int?) -> ArraySlice<UInt8>? {
    guard let piece = pieces.first, let due, due <= now else { return nil }
    // A limited flow goes in twenty steps a second.
    return piece.bytes[offset...].prefix(bytesPerSecond.map { max(1, $0 / 20) } ?? .max)
  }

  mutating func sent(_ count: Int, at now: Instant, bytesPerSecond: Int?) {
    offset += count
    byteCount -= count
    if let piece = pieces.first, offset == piece.bytes.count {
      pieces.removeFirst()
      offset = 0
    }
    nextWrite = bytesPerSecond.map { now + .seconds(Double(count) / Double(max(1, $0))) }
  }

  /// True once, when the end is to be passed on.
  mutating func takeEnd(at now: Instant) -> Bool {
    guard pieces.isEmpty, let endDue, endDue <= now, !hasFinished else { return false }
    hasFinished = true
    return true
  }
}
