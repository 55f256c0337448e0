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
  ///
  /// - Parameter last: tables stay in the channels that they had, so that whoever comes or goes disturbs no
  ///   other: a channel that changes is joined anew, which is a gap.
  init(_ plans: [TablePlan], hasMarker: Bool, after last: FeedPlan? = nil) {
    var groups: [String: [TablePlan]] = [:]
    var new: [TablePlan] = []
    for plan in plans {
      if let name = last?.channelOf[plan.name] {
        groups[name, default: []].append(plan)
      } else {
        new.append(plan)
      }
    }
    let names = (1...Self.mostChannels).map { "supamirror-\($0)" }
    for plan in new {
      // The first that is free, else the first of the smallest.
      let name = names.min { groups[$0]?.count ?? 0 < groups[$1]?.count ?? 0 }!
      groups[name, default: []].append(plan)
    }
    var channels: [FeedChannel] = []
    var channelOf: [TableName: String] = [:]
    for name in names {
      guard let group = groups[name] else { continue }
      var tables = group.map { FeedTable(name: $0.name, columns: $0.keyColumns) }
      if hasMarker { tables.append(FeedTable(name: Marker.table, columns: Marker.columns)) }
      channels.append(FeedChannel(name: name, tables: tables))
      for plan in group { channelOf[plan.name] = name }
    }
    self.channels = channels
    self.channelOf = channelOf
  }
}
