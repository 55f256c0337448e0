/// A binding that stands: the tables it means are known and its filters were checked.
struct CheckedBinding: Sendable {
  var id: Int
  var action: String
  /// Table oids, as they were in the publication.
  var tables: Set<UInt32>
  var filters: [SubscriptionFilter]
  /// Sorted; nil: every column.
  var select: [String]?
}

/// Who is to be told of which changes.
struct SubscriptionTable: Sendable {
  /// A binding, as it applies to one table.
  struct Entry: Sendable {
    var channel: Int
    var claims: SubscriptionClaims
    /// The binding's place in the join's list.
    var place: Int
    var binding: CheckedBinding
  }

  private struct Channel: Sendable {
    var claims: SubscriptionClaims
    var bindings: [CheckedBinding]
  }

  private var channels: [Int: Channel] = [:]
  /// By table oid: ordered by role, then by selected columns, then by channel and place.
  private var entries: [UInt32: [Entry]] = [:]

  var isEmpty: Bool { channels.isEmpty }
  var tables: [UInt32] { entries.keys.sorted() }
  var roles: [String] { Set(channels.values.map(\.claims.role)).sorted() }

  func entries(of table: UInt32, for action: WALChange.Action) -> [Entry] {
    (entries[table] ?? []).filter {
      $0.binding.action == "*" || $0.binding.action == action.rawValue
    }
  }

  mutating func set(_ channel: Int, _ bindings: [CheckedBinding], _ claims: SubscriptionClaims) {
    channels[channel] = Channel(claims: claims, bindings: bindings)
    order()
  }

  mutating func remove(_ channel: Int) {
    guard channels.removeValue(forKey: channel) != nil else { return }
    order()
  }

  mutating func removeAll() {
    channels = [:]
    entries = [:]
  }

  private mutating func order() {
    entries = [:]
    for (number, channel) in channels.sorted(by: { $0.key < $1.key }) {
      for (place, binding) in channel.bindings.enumerated() {
        for table in binding.tables {
          entries[table, default: []].append(
            Entry(channel: number, claims: channel.claims, place: place, binding: binding))
        }
      }
    }
    for table in entries.keys {
      entries[table]?.sort {
        ($0.claims.role, $0.selected, $0.channel, $0.place)
          < ($1.claims.role, $1.selected, $1.channel, $1.place)
      }
    }
  }
}

extension SubscriptionTable.Entry {
  fileprivate var selected: String { binding.select?.joined(separator: ",") ?? "" }
}
