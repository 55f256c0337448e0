internal import Glibc

/// The time of day, which may jump; to wait or to measure, use a `Clock`.
package struct WallClock: Sendable {
  /// Microseconds since 1970, UTC.
  package let now: @Sendable () -> Int64

  package init(now: @escaping @Sendable () -> Int64) { self.now = now }

  package static let system = WallClock {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
