/// One subscription of one channel, as the database side evaluates it.
struct Subscription: Hashable, Sendable {
  /// `*`, `INSERT`, `UPDATE`, `DELETE`.
  var event: String
  /// As sent: `*` and nil are wildcards.
  var schema: String?
  var table: String?
  var filter: String?
  var select: [String]?
  /// The binding's id, as the join's reply tells it.
  var id: Int
  /// The whole binding as sent, a JSON object, for messages and for members of a wrong kind; nil: what the members above
  /// say is all.
  var params: [UInt8]?
}

/// Who subscribes: the token's claims as JSON text, and its role.
struct SubscriptionClaims: Hashable, Sendable {
  var role: String
  var json: String
}

/// One change for one channel: `data` of the `postgres_changes` payload, and the ids of the bindings it matches.
struct ChangeDelivery: Sendable {
  var channel: Int
  var ids: [Int]
  /// A JSON object, the very bytes to send.
  var data: [UInt8]
}

/// The database's half of a Realtime server: it keeps the subscriptions of channels and polls a temporary
/// replication slot (wal2json) for as long as there are any.
protocol ChangeSource: Sendable {
  /// Replaces the channel's subscriptions, in one transaction.
  /// - Returns: nil where they stand; else the message of the `system` error.
  func subscribe(
    channel: Int, _ subscriptions: [Subscription], claims: SubscriptionClaims
  ) async -> String?
  func unsubscribe(channel: Int) async
}
