import Supabase

/// Which channels the feed is asked for.
struct FeedPlan: Hashable, Sendable {
  let channels: [FeedChannel]
  /// The channel of each table.
  let channelOf: [TableName: String]

  /// A server's limit is 100 channels a socket.
  static let mostChannels = 80

  /// One channel a table, so that one that cannot be subscribed does not silence the others; where there are too
  /// many, several tables share one. The marker is in every channel, so that each is proven by itself.
  init(_ plans: [TablePlan], hasMarker: Bool) {
    let count = min(plans.count, Self.mostChannels)
    var groups: [[TablePlan]] = Array(repeating: [], count: count)
    for (index, plan) in plans.enumerated() { groups[index % count].append(plan) }
    var channels: [FeedChannel] = []
    var channelOf: [TableName: String] = [:]
    for (index, group) in groups.enumerated() {
      let name = "supamirror-\(index + 1)"
      var tables = group.map { FeedTable(name: $0.name, columns: $0.keyColumns) }
      if hasMarker { tables.append(FeedTable(name: Marker.table, columns: Marker.columns)) }
      channels.append(FeedChannel(name: name, tables: tables))
      for plan in group { channelOf[plan.name] = name }
    }
    self.channels = channels
    self.channelOf = channelOf
  }
}
