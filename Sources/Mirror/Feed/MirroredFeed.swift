package import Supabase

/// What the mirror needs of a project's Realtime feed: the boundary at which tests put a twin in memory.
///
/// It connects, joins, heartbeats and comes back by itself, with backoff. Delivery is at most once: everything that
/// it cannot know to be whole is told by `FeedEvent`.
package protocol MirroredFeed: Sendable {
  /// Until the task is cancelled. `receive` is awaited, event by event: while it takes its time, nothing more is
  /// read from the network.
  func run(_ receive: @escaping @Sendable (FeedEvent) async -> Void) async
  /// From now on these channels; those that are equal to what there was stay as they are.
  func setChannels(_ channels: [FeedChannel]) async
  /// Messages of no use since the feed began.
  var oddFrames: Int { get async }
  /// Leaves the channel and joins it anew.
  func rejoin(_ channel: String) async
  /// Drops the socket and opens a new one.
  func reconnect() async
}

extension RealtimeClient: MirroredFeed {
  package var oddFrames: Int { statistics.oddities.values.reduce(0, +) }
}
