/// How fast rows came lately.
struct RecentRate: Hashable, Sendable {
  private struct Sample: Hashable {
    let time: Duration
    let rows: Int
    let bytes: Int
  }

  /// Oldest first; the first one is the newest that is older than the window, where there is any.
  private var samples: [Sample]

  static let window = Duration.seconds(10)
  /// Samples that are nearer than this are one.
  private static let resolution = Duration.milliseconds(200)

  /// - Parameter start: when it began; nothing had come then.
  init(from start: Duration) { samples = [Sample(time: start, rows: 0, bytes: 0)] }

  /// - Parameters:
  ///   - rows, bytes: since the beginning, all in all.
  ///   - time: never before that of the last call.
  mutating func note(rows: Int, bytes: Int, at time: Duration) {
    if samples.count > 1, time - samples[samples.count - 2].time < Self.resolution {
      samples.removeLast()
    }
    samples.append(Sample(time: time, rows: rows, bytes: bytes))
    while samples.count > 1, samples[1].time <= time - Self.window { samples.removeFirst() }
  }

  /// A second, over the last ten of them; it falls to nothing where nothing comes.
  func perSecond(at time: Duration) -> (rows: Double, bytes: Double) {
    let base = samples.last { $0.time <= time - Self.window } ?? samples[0]
    let newest = samples[samples.count - 1]
    // What comes in the first moment says little of the next ones.
    let seconds = max(1, (time - base.time) / .seconds(1))
    return (
      Double(max(0, newest.rows - base.rows)) / seconds,
      Double(max(0, newest.bytes - base.bytes)) / seconds
    )
  }
}
