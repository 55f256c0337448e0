/// When marker rows are written, and which were.
struct Beats: Sendable {
  struct Written: Hashable, Sendable {
    let beat: Int64
    /// When its write began: it was committed later.
    let began: Duration
    /// When the source answered: it was committed earlier.
    let answered: Duration
  }

  /// The first pause while a channel waits for its proof; doubled up to the interval.
  static let firstPause = Duration.seconds(1)
  /// More than ever are under way: the oldest only shorten the memory of a channel that is dead anyway.
  private static let memory = 64

  let interval: Duration
  /// In the order written, so both beats and times rise.
  private(set) var written: [Written] = []
  private(set) var isWriting = false
  /// The last write failed.
  private(set) var isFailing = false
  private var due = Duration.zero
  private var pause = firstPause
  /// A channel was subscribed during a write, which proves nothing for it.
  private var isLate = false

  init(interval: Duration) { self.interval = max(interval, Self.firstPause) }

  /// nil for one whose write is not answered, and for one of long ago.
  subscript(beat: Int64) -> Written? { written.last { $0.beat == beat } }

  /// nil while one is being written.
  var nextDue: Duration? { isWriting ? nil : due }

  mutating func begin(at now: Duration) -> Bool {
    guard !isWriting, now >= due else { return false }
    isWriting = true
    isLate = false
    return true
  }

  /// A channel waits for its proof from now on.
  mutating func hurry(at now: Duration) {
    pause = Self.firstPause
    if isWriting { isLate = true } else { due = now }
  }

  /// - Parameter isAwaited: a channel waits for its proof.
  mutating func wrote(_ beat: Int64, began: Duration, at now: Duration, isAwaited: Bool) {
    written.append(Written(beat: beat, began: began, answered: now))
    if written.count > Self.memory { written.removeFirst() }
    isFailing = false
    end(at: now, isAwaited: isAwaited)
  }

  mutating func failed(at now: Duration, isAwaited: Bool) {
    isFailing = true
    end(at: now, isAwaited: isAwaited)
  }

  /// No channel waits for its proof any more.
  mutating func calm() {
    guard let last = written.last else { return }
    due = max(due, last.answered + interval)
  }

  private mutating func end(at now: Duration, isAwaited: Bool) {
    isWriting = false
    if isLate {
      due = now
    } else if isAwaited {
      due = now + min(pause, interval)
      pause = min(pause * 2, interval)
    } else {
      due = now + interval
    }
  }
}
