/// How many rows a call digests: as many as take about half a second, so that no call holds up a database for long or
/// meets its statement timeout.
package struct ChunkSize: Hashable, Sendable {
  package private(set) var rows: Int
  private let wanted: Duration

  static let least = 1_024
  static let most = 4 << 20

  package init(rows: Int = 16_384, wanted: Duration = .milliseconds(500)) {
    self.rows = rows
    self.wanted = wanted
  }

  /// A call over `count` rows took this long.
  package mutating func took(_ elapsed: Duration, for count: Int) {
    guard count > 0 else { return }
    let factor = elapsed > .zero ? wanted / elapsed : 2
    // A chunk that was cut short tells nothing of a full one, but that it was slow.
    guard factor < 1 || count * 2 > rows else { return }
    set(Int(Double(rows) * min(2, max(0.5, factor))))
  }

  /// A call of this size took too long.
  /// - Returns: false where it cannot become smaller.
  package mutating func shrink() -> Bool {
    guard rows > Self.least else { return false }
    set(rows / 4)
    return true
  }

  private mutating func set(_ count: Int) {
    rows = min(max(count, Self.least), Self.most) / Self.least * Self.least
  }

  /// At least this many, as whole parts.
  func whole(_ partRows: Int) -> Int { (rows + partRows - 1) / partRows * partRows }
}
