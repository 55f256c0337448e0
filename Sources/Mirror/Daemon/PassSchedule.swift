import Supabase

/// When the next pass begins, and what it is for. Times are since the daemon's start.
struct PassSchedule: Sendable {
  /// Between the end of one whole pass and the begin of the next; nil: there are no regular ones.
  let interval: Duration?
  private var needs: Set<PassNeed> = [.all]
  private var lastEnd: Duration?
  /// Passes of some tables do not put off that of all.
  private var lastWholeEnd: Duration?
  private var lastElapsed = Duration.zero
  private var failures = 0

  /// A pass that was asked for begins no sooner after the last one, so that bursts share one.
  static let shortest = Duration.milliseconds(250)
  /// Where passes fail and there are no regular ones.
  static let longestPause = Duration.seconds(300)

  init(interval: Duration?) { self.interval = interval }

  mutating func ask(for need: PassNeed) { needs.insert(need) }

  /// How long until the next one; zero: now; nil: until one is asked for.
  func wait(at now: Duration, random: Double) -> Duration? {
    guard let lastEnd else { return needs.isEmpty ? interval : .zero }
    let regular = nextRegular.map { max(.zero, $0 - now) }
    guard !needs.isEmpty else { return regular }
    // Passes that follow each other leave the projects some time for others.
    var pause = max(Self.shortest, min(lastElapsed / 4, .seconds(5)))
    if failures > 0 {
      var backoff = Backoff()
      backoff.cap = interval ?? Self.longestPause
      pause = max(pause, backoff.wait(after: failures + 1, random: random))
    }
    let asked = max(.zero, lastEnd + pause - now)
    return regular.map { min($0, asked) } ?? asked
  }

  /// What the pass that begins now is for: nil is everything.
  mutating func begin(at now: Duration) -> Set<TableName>? {
    let isRegular = nextRegular.map { $0 <= now } ?? false
    defer { needs = [] }
    if isRegular || needs.isEmpty || needs.contains(.all) { return nil }
    var tables: Set<TableName> = []
    for case .rows(let table) in needs { tables.insert(table) }
    return tables
  }

  /// - Parameter isDone: false where the pass stopped; what it was for is asked for again.
  mutating func end(_ tables: Set<TableName>?, began: Duration, at now: Duration, isDone: Bool) {
    lastEnd = now
    if tables == nil { lastWholeEnd = now }
    lastElapsed = now - began
    failures = isDone ? 0 : failures + 1
    guard !isDone else { return }
    if let tables { for table in tables { needs.insert(.rows(table)) } } else { needs.insert(.all) }
  }

  private var nextRegular: Duration? {
    guard let interval, let last = lastWholeEnd ?? lastEnd else { return nil }
    return last + interval
  }
}
