import Mirror
import Supabase

/// A Realtime server, its client, the source that beats are written to, and the daemon that carries the decisions
/// out: simulated, with faults until `faultsEnd`. It knows which changes were lost, and the health does not.
struct FeedWorld {
  enum Event {
    case fault
    case change
    case connect(socket: Int)
    case attempt(Int, generation: Int)
    case stand(Int, generation: Int)
    case commitBeat(Int64, isAnswered: Bool)
    case answerBeat(Int64, began: Duration, isWritten: Bool)
    case deliver(Int, beat: Int64, join: Int)
    case regularPass
    case passStart(isAsked: Bool)
    case passEnd(began: Duration, isFailure: Bool)
  }

  /// What is true at the server, of one channel.
  struct Truth {
    /// Goes up whenever what is under way for the channel is void.
    var generation = 0
    var join = 0
    var stands = false
    /// The slot exists from then on.
    var flowsFrom = Duration.zero
    /// Its poller is gone: nothing comes before a new join.
    var isSilent = false
    /// Everything is dropped until a beat was.
    var isDropping = false
    /// Order is kept.
    var lastDelivery = Duration.zero
  }

  static let names = ["a", "b", "c"]
  var health = FeedHealth(
    channels: names.map(FeedProbe.channel), hasMarker: true, interval: .seconds(10))
  var random: SeededGenerator
  let faultsEnd: Duration
  private(set) var now = Duration.zero
  private var queue: [(at: Duration, order: Int, event: Event)] = []
  private var order = 0
  private var deadline: Duration?
  private var truths = names.map { _ in Truth() }
  private var socket = 0
  private var isOpen = false
  private var joins = 0
  private var beat: Int64 = 0
  private var isPassRunning = false
  private var isPassWanted = false
  private(set) var lost: [Duration] = []
  private(set) var askedBegins: [Duration] = []
  private(set) var askedAt: [Duration] = []
  private(set) var rejoins = 0
  private(set) var lines = 0

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    faultsEnd = .seconds(Int.random(in: 60...900, using: &random))
    at(.zero, .connect(socket: 0))
    at(.zero, .fault)
    at(.zero, .change)
    at(.seconds(300), .regularPass)
    carryOut(health.tick(at: .zero))
  }

  /// Every channel carries all changes.
  var isWhole: Bool {
    isOpen
      && truths.allSatisfy { $0.stands && !$0.isSilent && !$0.isDropping && $0.flowsFrom <= now }
  }

  private var isFaulty: Bool { now < faultsEnd }
  private mutating func odds(_ one: Int) -> Bool {
    isFaulty && Int.random(in: 0..<one, using: &random) == 0
  }
  private mutating func after(_ range: ClosedRange<Int>) -> Duration {
    now + .milliseconds(Int.random(in: range, using: &random))
  }

  private mutating func at(_ time: Duration, _ event: Event) {
    order += 1
    let place = queue.firstIndex { ($0.at, $0.order) > (time, order) } ?? queue.count
    queue.insert((time, order, event), at: place)
  }

  mutating func run(until end: Duration) {
    while true {
      if let due = deadline, due <= min(end, queue.first?.at ?? end) {
        now = max(now, due)
        carryOut(health.tick(at: now))
      } else if let next = queue.first, next.at <= end {
        queue.removeFirst()
        now = next.at
        happen(next.event)
      } else {
        break
      }
    }
    now = end
  }

  private mutating func happen(_ event: Event) {
    switch event {
    case .fault: fault()
    case .change: return change()
    case .connect(let number):
      guard number == socket else { break }
      if odds(3) {
        receive(.disconnected(.lost))
        at(after(1_000...20_000), .connect(socket: socket))
      } else {
        isOpen = true
        receive(.connected)
        for index in truths.indices { join(index, after: 10...500) }
      }
    case .attempt(let index, let generation):
      if truths[index].generation == generation { attempt(index) }
    case .stand(let index, let generation):
      guard truths[index].generation == generation else { break }
      joins += 1
      truths[index].join = joins
      truths[index].stands = true
      truths[index].isSilent = odds(4)
      truths[index].isDropping = false
      // A cold tenant's slot comes later than the answer.
      truths[index].flowsFrom = odds(2) ? after(0...3_000) : now
      receive(.subscribed(channel: Self.names[index], join: joins, isFirst: true))
    case .commitBeat(let beat, let isAnswered):
      for index in truths.indices where passes(index, isBeat: isAnswered) {
        let time = max(truths[index].lastDelivery, after(10...800))
        truths[index].lastDelivery = time
        at(time, .deliver(index, beat: beat, join: truths[index].join))
      }
    case .answerBeat(let beat, let began, let isWritten):
      carryOut(
        isWritten
          ? health.wroteBeat(beat, began: began, at: now) : health.failedToWriteBeat(at: now))
    case .deliver(let index, let beat, let join):
      // Of a join that is over, some is still in the client's queue.
      guard isOpen, join == truths[index].join || odds(2) else { break }
      carryOut(health.saw(beat: beat, channel: Self.names[index], join: join, at: now))
    case .regularPass:
      at(now + .seconds(300), .regularPass)
      at(now, .passStart(isAsked: false))
    case .passStart(let isAsked):
      if isPassRunning { isPassWanted = isPassWanted || isAsked } else { beginPass(isAsked) }
    case .passEnd(let began, let isFailure):
      isPassRunning = false
      carryOut(
        isFailure ? health.passFailed(at: now) : health.passEnded(began: began, at: now))
      if isPassWanted, !isPassRunning { beginPass(true) }
    }
  }

  private mutating func fault() {
    guard isFaulty else { return }
    at(after(500...40_000), .fault)
    let index = Int.random(in: truths.indices, using: &random)
    let name = Self.names[index]
    switch Int.random(in: 0..<8, using: &random) {
    case 0: drop()
    case 1 where truths[index].stands:
      truths[index].generation += 1
      truths[index].stands = false
      receive(.ended(channel: name, .lost))
      join(index, after: 1_000...5_000)
    case 2: truths[index].isSilent = true
    case 3: for index in truths.indices { truths[index].isSilent = true }
    case 4 where truths[index].stands:
      // Some changes before the second subscription met no subscriber.
      lost.append(now)
      receive(.subscribed(channel: name, join: truths[index].join, isFirst: false))
    case 5: truths[index].isDropping = true
    case 6 where truths[index].stands:
      carryOut(health.lossFound(channel: name, rows: 1, at: now))
    case 7: carryOut(health.received(.change(.incomplete, channel: name, join: 0), at: now))
    default: break
    }
  }

  /// Some row changes, for each channel.
  private mutating func change() {
    at(after(500...8_000), .change)
    for index in truths.indices where !passes(index, isBeat: false) { lost.append(now) }
  }

  private mutating func passes(_ index: Int, isBeat: Bool) -> Bool {
    let truth = truths[index]
    guard truth.stands, !truth.isSilent, truth.flowsFrom <= now else { return false }
    guard truth.isDropping else { return true }
    if isBeat { truths[index].isDropping = false }
    return false
  }

  private mutating func drop() {
    isOpen = false
    socket += 1
    for index in truths.indices {
      truths[index].generation += 1
      truths[index].stands = false
    }
    receive(.disconnected(.lost))
    at(after(500...20_000), .connect(socket: socket))
  }

  private mutating func join(_ index: Int, after range: ClosedRange<Int>) {
    truths[index].generation += 1
    truths[index].stands = false
    at(after(range), .attempt(index, generation: truths[index].generation))
  }

  private mutating func attempt(_ index: Int) {
    guard isOpen else { return }
    if odds(6) {
      receive(.refused(channel: Self.names[index], .noTable))
      join(index, after: 30_000...60_000)
    } else if odds(6) {
      // No answer, ever.
    } else {
      at(after(10...2_000), .stand(index, generation: truths[index].generation))
    }
  }

  private mutating func beginPass(_ isAsked: Bool) {
    isPassRunning = true
    isPassWanted = false
    if isAsked { askedBegins.append(now) }
    health.passBegan(at: now)
    deadline = health.nextDeadline
    at(after(100...20_000), .passEnd(began: now, isFailure: odds(5)))
  }

  private mutating func receive(_ event: FeedEvent) { carryOut(health.received(event, at: now)) }

  private mutating func carryOut(_ actions: [FeedHealth.Action]) {
    for action in actions {
      switch action {
      case .writeBeat:
        beat += 1
        let isWritten = !odds(8)
        let answer = after(20...1_000)
        // One whose answer is lost may be committed all the same.
        if isWritten || odds(2) {
          let commit = now + (answer - now) * Double.random(in: 0..<1, using: &random)
          at(commit, .commitBeat(beat, isAnswered: isWritten))
        }
        at(answer, .answerBeat(beat, began: now, isWritten: isWritten))
      case .rejoin(let name):
        rejoins += 1
        join(Self.names.firstIndex(of: name)!, after: 100...2_000)
      case .reconnect:
        rejoins += 1
        drop()
      case .pass:
        askedAt.append(now)
        at(after(0...50), .passStart(isAsked: true))
      case .log: lines += 1
      }
    }
    deadline = health.nextDeadline
  }
}
