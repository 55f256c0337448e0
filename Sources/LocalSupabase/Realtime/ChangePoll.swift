import Transport

/// One poll of the slot: takes the changes out of it, and then finds out who is to be told what. Whatever fails after the
/// first step, the changes are gone.
struct ChangePoll: Sendable {
  /// What outlives a poll, for as long as the connection does.
  struct Session: Sendable {
    fileprivate var backendPID: Int32?
    /// The end of what was written when a poll that found nothing began.
    fileprivate var exhausted: String?
    fileprivate var types: [UInt32: String] = [:]
  }

  /// The connection ended, and the temporary slot with it.
  struct SessionLost: Error {}

  /// The poll took longer than it may.
  struct TookTooLong: Error {}

  struct Outcome: Sendable {
    var session: Session
    var deliveries: [ChangeDelivery] = []
    /// How many changes the slot had; nil: there is no slot, because the publication has no table.
    var taken: Int?
  }

  let options: RealtimeOptions
  let subscriptions: Locked<SubscriptionTable>
  /// Takes all the changes there are, and throws them away.
  let isDiscarding: Bool

  static let slot = "supabase_realtime_replication_slot"

  /// Creates the slot where the session has none, which waits for the transactions that are open; else polls it.
  func run(_ connection: PostgresConnection, _ session: Session) throws -> Outcome {
    let start = ContinuousClock().now
    var session = session
    if let known = session.backendPID, known != connection.backendPID { throw SessionLost() }
    if session.backendPID == nil {
      let tables = try connection.execute(
        "select from pg_publication_tables where pubname = $1 limit 1",
        [.text(SubscriptionCheck.publication)])
      guard tables.rowCount > 0 else { return Outcome(session: session) }
      _ = try connection.execute(
        "select pg_create_logical_replication_slot($1, 'wal2json', true)", [.text(Self.slot)])
      // Planning it takes longer than running it. An earlier session may have left one behind.
      try connection.run(script: "deallocate all; prepare poll(int) as \(Self.changes)")
      session.backendPID = connection.backendPID
    }
    guard !isDiscarding else {
      let result = try connection.execute(
        "select count(*) from (\(Self.changes)) x", [.text("\(Int32.max)")])
      return Outcome(session: session, taken: result.string(0, 0).flatMap { Int($0) })
    }
    // Nothing was written since a poll that found nothing: to ask for that is much cheaper than to decode again.
    let position = try connection.run(script: "select pg_current_wal_flush_lsn()").string(0, 0)
    if let position, position == session.exhausted { return Outcome(session: session, taken: 0) }
    let result = try connection.run(script: "execute poll(\(options.pollMaxChanges))")
    session.exhausted = result.rowCount == 0 ? position : nil
    let subscriptions = subscriptions.withLock { $0 }
    var outcome = Outcome(session: session, taken: result.rowCount)
    if result.rowCount > 0, !subscriptions.isEmpty {
      let changes = (0..<result.rowCount).compactMap { row in
        result.bytes(row, 0).flatMap { WALChange($0) }
      }
      outcome.deliveries = try ChangeConversion.deliveries(
        of: changes, to: subscriptions, maxRecordBytes: options.maxRecordBytes,
        types: &session.types, connection)
      outcome.session = session
    }
    if ContinuousClock().now - start > options.pollTimeout { throw TookTooLong() }
    return outcome
  }

  /// A publication that lists no table gives nothing, where wal2json would give every table's changes. Names are escaped
  /// as wal2json wants it (its README, `add-tables`).
  private static let changes = """
    with listed as materialized (
      select
        (select concat_ws(',', case when pubinsert then 'insert' end,
            case when pubupdate then 'update' end, case when pubdelete then 'delete' end)
          from pg_publication where pubname = '\(SubscriptionCheck.publication)') as actions,
        (select string_agg(regexp_replace(schemaname, '([ \\\\'',.*])', '\\\\\\1', 'g') || '.'
            || regexp_replace(tablename, '([ \\\\'',.*])', '\\\\\\1', 'g'), ',')
          from pg_publication_tables where pubname = '\(SubscriptionCheck.publication)') as tables
    )
    select w.data from listed, pg_logical_slot_get_changes('\(slot)', null, $1::int,
      'include-pk', 'true', 'include-transaction', 'false', 'include-timestamp', 'true',
      'include-type-oids', 'true', 'format-version', '2', 'actions', listed.actions,
      'add-tables', listed.tables) w
    where listed.tables <> '' and listed.actions <> ''
    """
}
