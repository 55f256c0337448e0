/// Times and durations as people say them, for status on a terminal and on a page.
enum SpokenTime {
  /// `40 ms`, `0.4 s`, `12 s`, `3 min`, `5 h`, `9 days`: in the unit that says it best.
  static func duration(_ duration: Duration) -> String {
    let milliseconds = Int(max(.zero, duration) / .milliseconds(1))
    let seconds = milliseconds / 1_000
    if milliseconds < 95 { return "\(milliseconds) ms" }
    if milliseconds < 9_950 {
      let tenths = (milliseconds + 50) / 100
      return "\(tenths / 10).\(tenths % 10) s"
    }
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7_200 { return "\(seconds / 60) min" }
    if seconds < 172_800 { return "\(seconds / 3_600) h" }
    return "\(ReportText.grouped(seconds / 86_400)) days"
  }

  /// How long ago, never in the future: clocks are set back sometimes.
  static func age(of time: Int64, at now: Int64) -> String {
    now - time < 1_000_000 ? "just now" : "\(span(from: time, to: now)) ago"
  }

  /// The time between two moments, in whole seconds at least.
  static func span(from time: Int64, to now: Int64) -> String {
    let seconds = max(0, now - time) / 1_000_000
    return seconds < 10 ? "\(seconds) s" : duration(.seconds(seconds))
  }

  /// `14:03 UTC`, with the date where that is not today's.
  static func clock(_ time: Int64, at now: Int64) -> String {
    let text = TimeText.timestamp(time, offset: "")
    let isToday = TimeText.date(time) == TimeText.date(now)
    return (isToday ? "" : text.prefix(10) + " ") + text.dropFirst(11).prefix(5) + " UTC"
  }

  /// `since 14:03 UTC (12 min)`
  static func since(_ time: Int64, at now: Int64) -> String {
    "since \(clock(time, at: now)) (\(span(from: time, to: now)))"
  }

  /// `2026-11-21T14:03:12.000000Z`, which `TimeText.microseconds` reads back.
  static func stamp(_ time: Int64) -> String { TimeText.timestamp(time, offset: "Z") }
}
