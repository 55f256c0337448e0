import JSON

/// Makes deliveries out of the changes that one poll took, with few statements for all of them together.
struct ChangeConversion {
  /// Where the JSON of a column's value comes from.
  private enum Source {
    case null
    case verbatim(ArraySlice<UInt8>)
    case computed(ValueStatement.Place)
  }

  /// A change with everything that was asked about it.
  private struct Item {
    var change: WALChange
    var table: ChangeCatalogue.Table
    var entries: [SubscriptionTable.Entry]
    var timestamp: ValueStatement.Place?
    var columns: [Source] = []
    var identity: [Source] = []
    var filters: [Question: ValueStatement.Place] = [:]
    /// By the entry's index.
    var visibility: [Int: RowVisibility.Place] = [:]
  }

  private struct Question: Hashable {
    var filter: SubscriptionFilter
    var isOfIdentity: Bool
  }

  private let roles: [String]
  private let maxRecordBytes: Int
  private var items: [Item] = []
  private var values = ValueStatement()
  private var answers = ValueStatement.Answers()

  /// What wal2json writes of these is byte for byte what `to_jsonb` makes of it: bool, bytea (without `\x`, which is as
  /// the real server sends it), int8, int2, int4, text, varchar, numeric, uuid.
  private static let verbatimTypes: Set<UInt32> = [16, 17, 20, 21, 23, 25, 1043, 1700, 2950]
  private static let bytea: UInt32 = 17
  /// json and json[], the one kind of value that can be stored and not be converted: with an escaped NUL.
  private static let poisonousTypes: Set<UInt32> = [114, 199]

  /// - Parameter types: names by oid, kept between polls.
  /// - Throws: what fails the whole poll, and loses its changes.
  static func deliveries(
    of changes: [WALChange], to subscriptions: SubscriptionTable, maxRecordBytes: Int,
    types: inout [UInt32: String], _ connection: PostgresConnection
  ) throws(PostgresError) -> [ChangeDelivery] {
    let roles = subscriptions.roles
    let catalogue = try ChangeCatalogue(
      of: Set(changes.map(\.name)), among: subscriptions.tables, roles: roles, connection)
    var conversion = ChangeConversion(roles: roles, maxRecordBytes: maxRecordBytes)
    var others: [WALChange] = []
    for change in changes {
      let table = catalogue.tables[change.name]
      let entries = table.map { subscriptions.entries(of: $0.oid, for: change.action) } ?? []
      if let table, !entries.isEmpty {
        conversion.items.append(Item(change: change, table: table, entries: entries))
      } else {
        others.append(change)
      }
    }
    let suspects = others.flatMap { $0.columns + $0.identity }.filter {
      poisonousTypes.contains($0.type) && $0.value.map(isSuspicious) == true
    }
    let columns = conversion.items.flatMap { $0.change.columns + $0.change.identity } + suspects
    try lookUp(Set(columns.map(\.type)), &types, connection)
    for suspect in suspects { _ = conversion.source(of: suspect, types) }
    for index in conversion.items.indices { try conversion.collect(index, types) }
    conversion.answers = try conversion.values.run(connection)
    let visibility = conversion.askForRows()
    let rows = try visibility.run(connection)
    return conversion.items.flatMap { conversion.deliveries(of: $0, rows) }
  }

  private init(roles: [String], maxRecordBytes: Int) {
    self.roles = roles
    self.maxRecordBytes = maxRecordBytes
  }

  /// May hold an escaped NUL: `\u0000` inside a string of JSON that is itself written as a string.
  private static func isSuspicious(_ value: ArraySlice<UInt8>) -> Bool {
    let mark = Array("\\u0000".utf8)
    guard value.count >= mark.count else { return false }
    return (value.startIndex...value.endIndex - mark.count).contains {
      value[$0] == mark[0] && value[$0..<$0 + mark.count].elementsEqual(mark)
    }
  }

  private static func lookUp(
    _ oids: Set<UInt32>, _ types: inout [UInt32: String], _ connection: PostgresConnection
  ) throws(PostgresError) {
    let unknown = oids.filter { types[$0] == nil }
    guard !unknown.isEmpty else { return }
    let list = "{" + unknown.map { "\($0)" }.joined(separator: ",") + "}"
    let result = try connection.execute(
      "select oid, oid::regtype from pg_type where oid = any($1::oid[])", [.text(list)])
    for row in result.rows {
      if let oid = row[0].flatMap({ UInt32($0) }) { types[oid] = row[1] }
    }
    guard let missing = unknown.first(where: { types[$0] == nil }) else { return }
    throw PostgresError(sqlstate: "42704", message: "type with OID \(missing) does not exist")
  }

  private mutating func source(
    of column: WALChange.Column, _ types: [UInt32: String]
  ) -> Source {
    guard let value = column.value else { return .null }
    if Self.verbatimTypes.contains(column.type) { return .verbatim(value) }
    return .computed(values.add("to_jsonb(v::\(types[column.type] ?? "text"))::text", value))
  }

  /// Adds everything that must be computed for a change.
  private mutating func collect(_ index: Int, _ types: [UInt32: String]) throws(PostgresError) {
    var item = items[index]
    let change = item.change
    for column in change.columns + change.identity where item.table.column(column.name) == nil {
      throw PostgresError(
        sqlstate: "42703",
        message: "column \"\(column.name)\" of relation \"\(change.table)\" does not exist")
    }
    item.columns = change.columns.map { source(of: $0, types) }
    item.identity = change.identity.map { source(of: $0, types) }
    if CommitTimestamp.utc(change.timestamp) == nil {
      let expression =
        "to_char(v::timestamptz at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
      item.timestamp = values.add(
        expression, JSONToken(string: change.timestamp).bytes[...])
    }
    for entry in item.entries {
      for filter in entry.binding.filters {
        ask(filter, change.columns, isOfIdentity: false, &item, types)
        if change.action == .delete {
          ask(filter, change.identity, isOfIdentity: true, &item, types)
        }
      }
    }
    items[index] = item
  }

  private mutating func ask(
    _ filter: SubscriptionFilter, _ columns: [WALChange.Column], isOfIdentity: Bool,
    _ item: inout Item, _ types: [UInt32: String]
  ) {
    let question = Question(filter: filter, isOfIdentity: isOfIdentity)
    guard item.filters[question] == nil,
      let column = columns.first(where: { $0.name == filter.column })
    else { return }
    let type = types[column.type] ?? "text"
    // The value as it is sent is what is compared, also where that is not the value that is stored.
    let value =
      column.type == Self.bytea ? "v::bytea" : "(to_jsonb(v::\(type)) #>> '{}')::\(type)"
    item.filters[question] = values.add(
      "(\(filter.sql(value, type: type)))::text", column.value)
  }

  private func passes(
    _ filters: [SubscriptionFilter], _ item: Item, isOfIdentity: Bool
  ) -> Bool {
    filters.allSatisfy { filter in
      let place = item.filters[Question(filter: filter, isOfIdentity: isOfIdentity)]
      return place.flatMap { answers[$0] } == Array("true".utf8)
    }
  }

  private func passes(_ filters: [SubscriptionFilter], _ item: Item) -> Bool {
    filters.isEmpty || passes(filters, item, isOfIdentity: false)
      || item.change.action == .delete && passes(filters, item, isOfIdentity: true)
  }

  private func json(_ source: Source) -> ArraySlice<UInt8>? {
    switch source {
    case .null: nil
    case .verbatim(let json): json
    case .computed(let place): answers[place]?[...]
    }
  }

  /// Asks for the rows that row security may hide.
  private mutating func askForRows() -> RowVisibility {
    var visibility = RowVisibility()
    for index in items.indices {
      let item = items[index]
      let change = item.change
      guard item.table.hasRowSecurity, change.action != .delete else { continue }
      let key = change.columns.indices.filter { change.columns[$0].isKey }.map { column in
        let token = json(item.columns[column]).map { JSONToken(bytes: Array($0)) }
        return (
          column: change.columns[column].name, value: token.map { $0.string ?? $0.text } ?? ""
        )
      }
      guard !key.isEmpty else { continue }
      var places: [SubscriptionClaims: RowVisibility.Place] = [:]
      for (position, entry) in item.entries.enumerated() where passes(entry.binding.filters, item) {
        guard refusal(item, entry.claims.role) == nil else { continue }
        let place =
          places[entry.claims] ?? visibility.ask(change.name, key: key, as: entry.claims)
        places[entry.claims] = place
        items[index].visibility[position] = place
      }
    }
    return visibility
  }

  /// Why the role is not shown the change.
  private func refusal(_ item: Item, _ role: String) -> String? {
    guard item.change.action != .delete else { return nil }
    let key = item.change.columns.filter(\.isKey)
    if key.isEmpty { return "Error 400: Bad Request, no primary key" }
    return key.allSatisfy { isSelectable($0.name, item, role) } ? nil : "Error 401: Unauthorized"
  }

  private func isSelectable(_ column: String, _ item: Item, _ role: String) -> Bool {
    guard let number = roles.firstIndex(of: role) else { return false }
    return item.table.column(column)?.isSelectable[number] ?? false
  }

  private func deliveries(of item: Item, _ rows: RowVisibility.Answers) -> [ChangeDelivery] {
    var deliveries: [ChangeDelivery] = []
    var start = 0
    // Entries of one role and one list of columns stand together, and in them those of one channel.
    while start < item.entries.count {
      let first = item.entries[start]
      let group = item.entries.indices[start...].prefix {
        item.entries[$0].claims.role == first.claims.role
          && item.entries[$0].binding.select == first.binding.select
      }
      start = group.endIndex
      let refusal = refusal(item, first.claims.role)
      let told = group.filter { position in
        let entry = item.entries[position]
        guard refusal == nil else { return true }
        return passes(entry.binding.filters, item)
          && (item.visibility[position].map { rows[$0] }
            ?? (!item.table.hasRowSecurity || item.change.action == .delete))
      }
      guard !told.isEmpty else { continue }
      let document =
        refusal.map { ChangeDocument(item.change, error: $0) }
        ?? document(item, first.claims.role, first.binding.select)
      var ids: [(channel: Int, ids: [Int])] = []
      for position in told {
        let entry = item.entries[position]
        if ids.last?.channel != entry.channel { ids.append((entry.channel, [])) }
        // The last binding of the join comes first.
        ids[ids.count - 1].ids.insert(entry.binding.id, at: 0)
      }
      deliveries += ids.map {
        ChangeDelivery(channel: $0.channel, ids: $0.ids, data: document.bytes)
      }
    }
    return deliveries
  }

  private func document(_ item: Item, _ role: String, _ select: [String]?) -> ChangeDocument {
    let change = item.change
    let isTooLarge = change.byteCount > maxRecordBytes
    let columns = item.table.columns.filter {
      isSelectable($0.name, item, role) && ($0.isKey || select?.contains($0.name) ?? true)
    }
    func isShown(_ column: WALChange.Column) -> Bool {
      isSelectable(column.name, item, role)
        && (column.isKey || select?.contains(column.name) ?? true)
    }
    func isShort(_ json: ArraySlice<UInt8>?) -> Bool {
      !isTooLarge || json.map { $0.count <= 64 } ?? false
    }
    func value(_ column: WALChange.Column, _ source: Source) -> ChangeDocument.Value? {
      let json = json(source)
      guard isShown(column), isShort(json) else { return nil }
      return ChangeDocument.Value(name: column.name, json: json)
    }
    let old = zip(change.identity, item.identity)
    var record: [ChangeDocument.Value]?
    var oldRecord: [ChangeDocument.Value]?
    if change.action != .delete {
      record = zip(change.columns, item.columns).compactMap { value($0, $1) }
      if !isTooLarge {
        // Long values that were not touched are only in the old row, if that is whole.
        let new = Set(change.columns.map(\.name))
        record? += old.filter { !new.contains($0.0.name) }.compactMap { value($0, $1) }
      }
    }
    if change.action != .insert {
      oldRecord = old.filter { column, _ in
        change.action == .update || !item.table.hasRowSecurity || column.isKey
      }.compactMap { value($0, $1) }
    }
    let timestamp =
      item.timestamp.flatMap { answers[$0] }.map { String(decoding: $0, as: UTF8.self) }
      ?? CommitTimestamp.utc(change.timestamp)
    return ChangeDocument(
      change, columns: ChangeDocument.columns(columns), record: record, oldRecord: oldRecord,
      commitTimestamp: timestamp, error: isTooLarge ? "Error 413: Payload Too Large" : nil)
  }
}
