import JSON
import Mirror
import Supabase
import Transport

/// A change that a transaction at a `MemoryProject` has committed.
struct MemoryChange: Sendable {
  let table: TableName
  let kind: FeedChange.Kind
  let new: [String: JSONToken]?
  /// The old key.
  let old: [String: JSONToken]?
  /// Microseconds since 2000-01-01.
  let time: Int64
}

/// A project's Realtime in memory: what `MirroredFeed` promises, without a server, and everything that it does not.
final class MemoryFeed: MirroredFeed {
  struct Faults: Sendable {
    var isReachable = true
    /// Nothing is said of changes.
    var isSilent = false
    var loses: @Sendable (FeedChange) -> Bool = { _ in false }
    /// What becomes of an event on its way.
    var changes: @Sendable (FeedChange) -> FeedChange = { $0 }
    /// Tables that cannot be subscribed.
    var refused: Set<TableName> = []
    /// The refusal says which.
    var isNaming = true
    /// A change takes so long to come through.
    var delay = Duration.zero
    var timeToSubscribe = Duration.milliseconds(500)
    /// After "subscribed", changes are lost for so long.
    var deafTime = Duration.zero
  }

  private struct Joined {
    let channel: FeedChannel
    var join: Int
    var subscribedAt: Duration?
    var isRefused = false
  }

  private struct State {
    var faults = Faults()
    var wanted: [FeedChannel] = []
    var joined: [String: Joined] = [:]
    var isConnected = false
    var joins = 0
    /// Sockets so far; what belongs to an older one is dropped.
    var socket = 0
    var queue: [FeedEvent] = []
    var waiter: CheckedContinuation<Void, Never>?
    /// When the last of the delayed changes comes through.
    var lastDue = Duration.zero
    var log: [String] = []
    var oddFrames = 0
    var isEnded = false
  }

  /// A refused channel is joined again after it.
  static let refusalPause = Duration.seconds(60)

  private let clock: SteppedClock
  private let state = Locked(State())

  init(_ clock: SteppedClock) { self.clock = clock }

  var oddFrames: Int { state.withLock { $0.oddFrames } }
  func receiveOddFrame() { state.withLock { $0.oddFrames += 1 } }
  var faults: Faults { state.withLock { $0.faults } }
  /// What was asked of it: `connect`, `join name`, `rejoin name`, `reconnect`.
  var asked: [String] { state.withLock { $0.log } }
  func joins(of channel: String) -> Int { asked.count { $0 == "join \(channel)" } }
  /// The channel of a table.
  func channel(of table: String) -> String? {
    state.withLock { state in
      state.wanted.first { $0.tables.contains { $0.name.name == table } }?.name
    }
  }

  func set(_ body: (inout Faults) -> Void) {
    state.withLock { body(&$0.faults) }
    if faults.isReachable { connect() } else { disconnect() }
  }

  // What Realtime does

  /// The socket breaks; it is opened anew as far as the server can be reached.
  func disconnect() {
    let wasConnected = state.withLock { state in
      defer {
        state.isConnected = false
        state.joined = [:]
        state.socket += 1
      }
      return state.isConnected
    }
    if wasConnected { post(.disconnected(FeedProblem(.connection, "the connection was lost"))) }
    guard faults.isReachable else { return }
    clock.after(.seconds(1)) { self.connect() }
  }

  /// The server ends a channel; it is joined again.
  func end(_ channel: String) {
    state.withLock { $0.joined[channel] = nil }
    post(.ended(channel: channel, FeedProblem(.server, "the server closed it")))
    clock.after(.seconds(1)) { self.join(channel) }
  }

  /// The server makes the channel's subscriptions anew.
  func subscribeAgain(_ channel: String) {
    guard let join = state.withLock({ $0.joined[channel]?.join }) else { return }
    post(.subscribed(channel: channel, join: join, isFirst: false))
  }

  /// The source has committed a change.
  func observe(_ change: MemoryChange) {
    let now = clock.now.offset
    let (events, due) = state.withLock { state in
      var events: [FeedEvent] = []
      for joined in state.joined.values.sorted(by: { $0.channel.name < $1.channel.name }) {
        guard let since = joined.subscribedAt, !state.faults.isSilent,
          since == .zero || now >= since + state.faults.deafTime,
          let table = joined.channel.tables.first(where: { $0.name == change.table })
        else { continue }
        let event = FeedChange(
          table: change.table, kind: change.kind, key: Self.values(table, change.new),
          oldKey: Self.values(table, change.old),
          commitTime: (change.time - TimeText.unixEpoch) / 1_000 * 1_000, hasErrors: false)
        guard !state.faults.loses(event) else { continue }
        events.append(
          .change(state.faults.changes(event), channel: joined.channel.name, join: joined.join))
      }
      state.lastDue = max(state.lastDue, now + state.faults.delay)
      return (events, state.lastDue)
    }
    let socket = state.withLock { $0.socket }
    for event in events {
      if due > now { post(event, after: due - now, socket) } else { post(event) }
    }
  }

  private static func values(
    _ table: FeedTable, _ row: [String: JSONToken]?
  ) -> [JSONToken]? {
    guard let row else { return nil }
    let values = table.columns.compactMap { row[$0] }
    return values.count == table.columns.count ? values : nil
  }

  private func connect() {
    let isNew = state.withLock { state in
      guard state.faults.isReachable, !state.isConnected, !state.wanted.isEmpty, !state.isEnded
      else { return false }
      state.isConnected = true
      state.log.append("connect")
      return true
    }
    guard isNew else { return }
    post(.connected)
    for channel in state.withLock({ $0.wanted }) { join(channel.name) }
  }

  private func join(_ name: String) {
    let (joined, faults, socket) = state.withLock { state in
      guard state.isConnected, let channel = state.wanted.first(where: { $0.name == name }) else {
        return (Joined?.none, state.faults, 0)
      }
      state.joins += 1
      state.log.append("join \(name)")
      let joined = Joined(channel: channel, join: state.joins)
      state.joined[name] = joined
      return (joined, state.faults, state.socket)
    }
    guard let joined else { return }
    clock.after(faults.timeToSubscribe) { self.subscribed(joined, socket) }
  }

  private func subscribed(_ joined: Joined, _ socket: Int) {
    let name = joined.channel.name
    let event: FeedEvent? = state.withLock { state in
      guard state.socket == socket, state.joined[name]?.join == joined.join else { return nil }
      if let table = joined.channel.tables.first(where: { state.faults.refused.contains($0.name) })
      {
        state.joined[name]?.isRefused = true
        let named = state.faults.isNaming ? table.name.description : "a table"
        return .refused(
          channel: name,
          FeedProblem(
            .table(state.faults.isNaming ? table.name : nil), "\(named) cannot be subscribed"))
      }
      state.joined[name]?.subscribedAt = clock.now.offset
      return .subscribed(channel: name, join: joined.join, isFirst: true)
    }
    guard let event else { return }
    post(event)
    guard case .refused = event else { return }
    clock.after(Self.refusalPause) {
      let isMeant = self.state.withLock { state in
        state.socket == socket && state.joined[name]?.join == joined.join
      }
      if isMeant { self.join(name) }
    }
  }

  private func post(_ event: FeedEvent, after time: Duration, _ socket: Int) {
    clock.after(time) {
      if self.state.withLock({ $0.socket == socket }) { self.post(event) }
    }
  }

  func post(_ event: FeedEvent) {
    clock.beginDelivery()
    let (isEnded, waiter) = state.withLock { state in
      defer { state.waiter = nil }
      if !state.isEnded { state.queue.append(event) }
      return (state.isEnded, state.waiter)
    }
    if isEnded { clock.endDelivery() }
    waiter?.resume()
  }

  // What the mirror asks for

  func run(_ receive: @escaping @Sendable (FeedEvent) async -> Void) async {
    while !Task.isCancelled {
      if let event = state.withLock({ $0.queue.isEmpty ? nil : $0.queue.removeFirst() }) {
        await receive(event)
        clock.endDelivery()
      } else {
        await withTaskCancellationHandler {
          await withCheckedContinuation { wait($0) }
        } onCancel: {
          state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
          }?.resume()
        }
      }
    }
    let left = state.withLock { state in
      state.isEnded = true
      state.joined = [:]
      defer { state.queue = [] }
      return state.queue.count
    }
    clock.endDelivery(left)
  }

  private func wait(_ continuation: CheckedContinuation<Void, Never>) {
    let isOver = state.withLock { state in
      if state.queue.isEmpty, !Task.isCancelled {
        state.waiter = continuation
        return false
      }
      return true
    }
    if isOver { continuation.resume() }
  }

  func setChannels(_ channels: [FeedChannel]) {
    let new = state.withLock { state in
      state.wanted = channels
      for (name, joined) in state.joined where !channels.contains(joined.channel) {
        state.joined[name] = nil
      }
      return channels.filter { state.joined[$0.name] == nil }
    }
    if state.withLock({ $0.isConnected }) {
      for channel in new { join(channel.name) }
    } else {
      connect()
    }
  }

  func rejoin(_ channel: String) {
    state.withLock { $0.log.append("rejoin \(channel)") }
    state.withLock { $0.joined[channel] = nil }
    join(channel)
  }

  func reconnect() {
    state.withLock { $0.log.append("reconnect") }
    disconnect()
  }
}
