/// How many key ranges may be copied at once, and how much smaller their pages are to be: halved when a project slows
/// down, and a little more again after every while without trouble.
struct Throttle: Hashable, Sendable {
  let most: Int
  private(set) var lanes: Int
  /// Pages are smaller by this.
  private(set) var divisor = 1
  /// When it was changed last.
  private var changed: Duration = .zero

  /// Pages that were asked for before a cut come after it.
  static let pauseAfterCut = Duration.seconds(5)
  static let pauseBeforeRaise = Duration.seconds(10)
  static let largestDivisor = 16

  init(most: Int) {
    self.most = max(1, most)
    lanes = self.most
  }

  /// A page has been copied.
  /// - Returns: whether anything has changed.
  mutating func note(isSlow: Bool, at time: Duration) -> Bool {
    let isCalm = lanes == most && divisor == 1
    if isSlow {
      guard isCalm || time - changed >= Self.pauseAfterCut else { return false }
      guard lanes > 1 || divisor < Self.largestDivisor else {
        changed = time
        return false
      }
      lanes = max(1, lanes / 2)
      divisor = min(Self.largestDivisor, divisor * 2)
    } else {
      guard !isCalm, time - changed >= Self.pauseBeforeRaise else { return false }
      if divisor > 1 { divisor /= 2 } else { lanes += 1 }
    }
    changed = time
    return true
  }
}

/// What the pages of one table take, to tell when a project slows down.
struct PageTimes: Hashable, Sendable {
  /// Seconds a row, the best so far.
  private var bestRead: Double?
  private var bestWrite: Double?

  /// Less is nobody's trouble.
  static let leastTime = Duration.seconds(1)
  /// Shorter pages tell the way's length more than the server's speed.
  static let leastRows = 100
  static let bytesLikeARow = 256
  /// Also what several lanes cost each other where one takes all of a server.
  static func slowness(lanes: Int) -> Double { Double(max(4, 2 * lanes)) }

  mutating func isSlow(
    rows: Int, bytes: Int, read: Duration, write: Duration, lanes: Int
  ) -> Bool {
    guard rows > 0 else { return false }
    let size = Double(rows) + Double(bytes) / Double(Self.bytesLikeARow)
    let isReadSlow = Self.isSlow(read, size, rows, lanes, &bestRead)
    let isWriteSlow = Self.isSlow(write, size, rows, lanes, &bestWrite)
    return isReadSlow || isWriteSlow
  }

  private static func isSlow(
    _ time: Duration, _ size: Double, _ rows: Int, _ lanes: Int, _ best: inout Double?
  ) -> Bool {
    let pace = time / .seconds(1) / size
    defer { if rows >= leastRows { best = min(best ?? pace, pace) } }
    guard let best, time >= leastTime else { return false }
    return pace > best * slowness(lanes: lanes)
  }
}
