package import JSON

/// A table the feed is asked for, and the columns that are read of its events: the key.
package struct FeedTable: Hashable, Sendable {
  package let name: TableName
  package let columns: [String]

  package init(name: TableName, columns: [String]) {
    self.name = name
    self.columns = columns
  }
}

/// One Realtime channel: what is joined, refused, proven and rejoined together. One bad table in it disables it
/// whole.
package struct FeedChannel: Hashable, Sendable {
  /// Unique among the channels of one client; part of the topic.
  package let name: String
  package let tables: [FeedTable]

  package init(name: String, tables: [FeedTable]) {
    self.name = name
    self.tables = tables
  }
}

/// One row change as far as it is read: never its values. It says which key to look at; what the row is, is read
/// from PostgREST.
package struct FeedChange: Hashable, Sendable {
  package enum Kind: Hashable, Sendable { case insert, update, delete }

  package let table: TableName
  package let kind: Kind
  /// The new row's `FeedTable.columns`; nil for a delete and where one is missing (records over the limit).
  package let key: [JSONToken]?
  /// The old row's; nil for an insert and where one is missing (replica identity).
  package let oldKey: [JSONToken]?
  /// Microseconds since 1970-01-01, in whole milliseconds; nil where the event had none.
  package let commitTime: Int64?
  /// The event carried `errors`: it may lack columns, or all of the row.
  package let hasErrors: Bool

  package init(
    table: TableName, kind: Kind, key: [JSONToken]?, oldKey: [JSONToken]?, commitTime: Int64?,
    hasErrors: Bool
  ) {
    self.table = table
    self.kind = kind
    self.key = key
    self.oldKey = oldKey
    self.commitTime = commitTime
    self.hasErrors = hasErrors
  }
}

/// Why a socket or channel ended or was refused: a sentence without secrets or row data.
package struct FeedProblem: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// Cannot be reached, was lost, did not answer in time.
    case connection
    /// The key or token is refused or has expired.
    case token
    /// A table of the channel cannot be subscribed; `table` is the one the server named, where it did.
    case table(TableName?)
    /// Over a limit of the server (joins, channels, users).
    case limit
    /// Ended by the server or by ourselves for a reason that a new join cures.
    case server
  }

  package let kind: Kind
  package let description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// What happens on the feed, in order. `join` numbers joins over the client's whole life, so what belongs to an
/// older join can be told apart.
package enum FeedEvent: Hashable, Sendable {
  case connected
  /// The socket is gone and every channel with it; it is opened again with backoff.
  case disconnected(FeedProblem)
  /// "Subscribed to PostgreSQL". A second one of the same join (`isFirst` false) means that subscriptions were made
  /// anew: a possible gap.
  case subscribed(channel: String, join: Int, isFirst: Bool)
  /// The channel cannot be had as it is (a join refused, a table that cannot be subscribed). It is joined again
  /// after a long pause.
  case refused(channel: String, FeedProblem)
  /// The channel ended; it is joined again with backoff. A possible gap.
  case ended(channel: String, FeedProblem)
  case change(FeedChange, channel: String, join: Int)
}
