import Transport

@testable import LocalSupabase

/// A source of changes without a database: it knows what was asked for, and delivers what a test says.
final class MemoryChangeSource: ChangeSource {
  private let subscriptions = Locked([Int: ([Subscription], SubscriptionClaims)]())
  let complaint = Locked<String?>(nil)

  func subscribe(
    channel: Int, _ new: [Subscription], claims: SubscriptionClaims
  ) async -> String? {
    if let complaint = complaint.withLock(\.self) { return complaint }
    subscriptions.withLock { $0[channel] = (new, claims) }
    return nil
  }

  func unsubscribe(channel: Int) async { subscriptions.withLock { $0[channel] = nil } }

  var channels: [Int] { subscriptions.withLock { $0.keys.sorted() } }

  func claims(of channel: Int) -> SubscriptionClaims? {
    subscriptions.withLock { $0[channel]?.1 }
  }

  /// A row of the table, for everybody who subscribed to anything.
  func insert(_ id: Int, _ listener: ChangeListener) {
    let all = subscriptions.withLock { $0 }
    for (channel, subscribed) in all {
      let data = #"{"type":"INSERT","schema":"public","table":"t","record":{"id":\#(id)}}"#
      listener.changed([
        ChangeDelivery(channel: channel, ids: subscribed.0.map(\.id), data: Array(data.utf8))
      ])
    }
  }
}
