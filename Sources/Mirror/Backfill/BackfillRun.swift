import JSON
import Supabase

/// A page that was read and is still to be written.
struct HeldPage: Sendable {
  let page: RawPage
  let asked: Int
  /// What reading it took.
  let elapsed: Duration
  /// Where it begins.
  let start: KeyPlace
  /// Rows that the feed has dealt with since it was asked for.
  var newer: Set<RowKey> = []
}

/// One key range as a run works on it.
struct RangeWork: Sendable {
  let id: Int
  /// Where the next page to be read begins.
  var place: KeyPlace
  /// Which of the lanes copies it; nil: it waits for one.
  var lane: Int?
  var held: HeldPage?
  /// What is under way in it.
  var tasks = 0
  /// It is to be split before its next page is asked for, so that no page reaches over the place.
  var isToBeSplit = false
  var isProbed = false
  /// It is to be cut into that many ranges of `share` rows while its first page is read.
  var spread: (count: Int, share: Int)?
  /// Rows read in this run.
  var rows = 0

  init(_ range: KeyRange, keyColumns: [String]) {
    id = range.id
    place = KeyPlace(keyColumns, after: range.after)
  }
}

/// What is to be done next in one key range.
enum BackfillOrder: Sendable {
  /// Write the page that is held, and read the next one meanwhile.
  case copy(id: Int, HeldPage?, next: KeyPlace?)
  /// Find the key that so many rows are before.
  case probe(id: Int, from: KeyPlace, offset: Int)
  /// Find the keys that one, two and more shares of rows are before.
  case spread(id: Int, from: KeyPlace, count: Int, share: Int)
}

/// One pass's work on an open backfill: which ranges are copied by which lane, and which are split for lanes that have
/// nothing to do. A table that nothing was copied of is cut into as many ranges as there are lanes; from then on a lane
/// that is done takes half of what most is left of, so how even the first cuts were does not matter.
struct BackfillRun: Sendable {
  private(set) var works: [RangeWork]
  /// Rows by lane.
  private(set) var rows: [Int] = []
  /// Counting rows beyond it takes the server too long.
  private(set) var mostOffset = Int.max
  var hasAskedEstimate = false
  /// The feed's turn has come since it was looked at last.
  var mayApply = true
  private var lastID: Int
  private let keyColumns: [String]
  /// A range with fewer rows is not split.
  private let smallestSplit: Int

  init(_ ranges: [KeyRange], keyColumns: [String], smallestSplit: Int) {
    works = ranges.map { RangeWork($0, keyColumns: keyColumns) }
    lastID = ranges.map(\.id).max() ?? 0
    self.keyColumns = keyColumns
    self.smallestSplit = smallestSplit
  }

  /// Nothing is under way.
  var isResting: Bool { works.allSatisfy { $0.tasks == 0 } }

  /// Rows of a range that were read in this run.
  func rows(of id: Int) -> Int { index(of: id).map { works[$0].rows } ?? 0 }

  private func index(of id: Int) -> Int? { works.firstIndex { $0.id == id } }

  /// Lanes that would have something to do.
  func wanted(_ ranges: [KeyRange]) -> Int {
    works.count + works.count { isSplittable($0, ranges) }
  }

  private func isSplittable(_ work: RangeWork, _ ranges: [KeyRange]) -> Bool {
    !work.isToBeSplit && !work.isProbed && work.spread == nil
      && left(work.id, ranges) >= smallestSplit
      && mostOffset >= smallestSplit / 8
  }

  private func left(_ id: Int, _ ranges: [KeyRange]) -> Int {
    ranges.first { $0.id == id }?.left ?? 0
  }

  /// Cuts the only range, of which nothing was read, for that many lanes.
  ///
  /// - Parameter rows: expected in it.
  mutating func spread(lanes: Int, rows: Int) {
    guard lanes > 1, rows >= smallestSplit, works.count == 1, works[0].place.isAtStart else {
      return
    }
    works[0].spread = (count: lanes, share: min(rows / lanes, Self.mostShare))
  }

  /// Counting rows takes a server about a second for some millions of them.
  private static let mostShare = 500_000

  /// Gives each lane a range, splitting where there are too few.
  mutating func assign(lanes: Int, _ ranges: [KeyRange]) {
    for index in works.indices where works[index].tasks == 0 {
      if let lane = works[index].lane, lane >= lanes { works[index].release() }
    }
    let taken = Set(works.compactMap(\.lane))
    var free = (0..<lanes).filter { !taken.contains($0) }[...]
    for index in works.indices where works[index].lane == nil {
      guard let lane = free.popFirst() else { return }
      works[index].lane = lane
    }
    let splits = works.count { $0.isToBeSplit || $0.isProbed }
    for _ in 0..<max(0, free.count - splits) {
      let largest = works.indices.filter { isSplittable(works[$0], ranges) }
        .max { left(works[$0].id, ranges) < left(works[$1].id, ranges) }
      guard let largest else { return }
      works[largest].isToBeSplit = true
    }
  }

  /// What can be begun now; it counts as begun.
  mutating func takeOrders(_ ranges: [KeyRange]) -> [BackfillOrder] {
    var orders: [BackfillOrder] = []
    for index in works.indices {
      let work = works[index]
      guard work.lane != nil, work.tasks == 0, !work.isProbed else { continue }
      let next = work.place.isFinished ? nil : work.place
      if let (count, share) = work.spread {
        orders.append(.copy(id: work.id, nil, next: next))
        orders.append(.spread(id: work.id, from: work.place, count: count, share: share))
        works[index].tasks = 2
        works[index].isProbed = true
        works[index].spread = nil
      } else if work.isToBeSplit, let held = work.held, next != nil {
        // The next page is read once it is known where the range ends.
        orders.append(.copy(id: work.id, held, next: nil))
        let offset = min(mostOffset, left(work.id, ranges) / 2)
        orders.append(
          .probe(
            id: work.id, from: KeyPlace(keyColumns, after: held.page.last), offset: offset))
        works[index].tasks = 2
        works[index].isProbed = true
        works[index].isToBeSplit = false
      } else {
        orders.append(.copy(id: work.id, work.held, next: next))
        works[index].tasks = 1
      }
      works[index].held = nil
    }
    return orders
  }

  /// The range's page was written, and this one was read.
  /// - Returns: whether the range is done.
  mutating func copied(
    _ id: Int, rows count: Int, next: HeldPage?, upTo end: [JSONToken]?
  ) -> Bool {
    guard let index = index(of: id) else { return true }
    works[index].tasks -= 1
    works[index].rows += count
    if let lane = works[index].lane {
      while rows.count <= lane { rows.append(0) }
      rows[lane] += count
    }
    if let next {
      let isEmpty = next.page.isEmpty
      works[index].place.advance(to: isEmpty ? nil : next.page.last, upTo: end)
      if !isEmpty { works[index].held = next }
    }
    guard works[index].place.isFinished, works[index].held == nil else { return false }
    if works[index].tasks == 0 { works.remove(at: index) }
    return true
  }

  /// A probe has come back.
  ///
  /// - Parameter offset: that took too long.
  mutating func probed(_ id: Int, tooFar offset: Int? = nil) {
    if let offset { mostOffset = offset / 4 }
    guard let index = index(of: id) else { return }
    works[index].isProbed = false
    works[index].tasks -= 1
    let work = works[index]
    if work.place.isFinished, work.held == nil, work.tasks == 0 { works.remove(at: index) }
  }

  /// - Returns: the range that has its rows after `key` from now on, of which `left` are expected.
  mutating func split(_ range: inout KeyRange, at key: [JSONToken], left: Int?) -> KeyRange {
    lastID += 1
    let new = KeyRange(id: lastID, after: key, upTo: range.upTo, left: left)
    range.upTo = key
    works.append(RangeWork(new, keyColumns: keyColumns))
    return new
  }

  /// Pages that are held may hold older versions of what the feed has dealt with.
  /// - Parameter isSafe: the feed writes keys as pages do; else pages may hold rows that it found gone, under a key
  ///   that looks different, and are read again.
  mutating func leaveOut(_ applied: AppliedSignals, isSafe: Bool) {
    for index in works.indices where works[index].held != nil {
      if applied.hasAbsent, !isSafe {
        works[index].readAgain()
      } else {
        works[index].held?.newer.formUnion(applied.rows)
        works[index].held?.newer.formUnion(applied.absent)
      }
    }
  }
}

extension RangeWork {
  /// Forgets the page that is held.
  fileprivate mutating func readAgain() {
    if let held { place = held.start }
    held = nil
  }

  /// Leaves the range to be taken up later.
  fileprivate mutating func release() {
    readAgain()
    lane = nil
    isToBeSplit = false
  }
}
