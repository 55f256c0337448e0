/// The marker rows' ways of the last hour: one sample for every stretch of time, the slowest of it.
struct LagHistory: Sendable {
  private(set) var samples: [LagSample] = []
  private static let span: Int64 = 3_600_000_000
  /// At most 360 samples an hour.
  private static let stretch: Int64 = 10_000_000

  mutating func add(_ sample: LagSample) {
    samples.removeAll { $0.time < sample.time - Self.span }
    if let last = samples.last, sample.time / Self.stretch == last.time / Self.stretch {
      samples[samples.count - 1] = LagSample(time: sample.time, lag: max(last.lag, sample.lag))
    } else {
      samples.append(sample)
    }
  }
}
