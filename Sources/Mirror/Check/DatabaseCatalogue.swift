import Supabase

/// What a database tells of itself: the answer of `sync_catalogue()`, whose form stands in `Migration`.
struct DatabaseCatalogue: Hashable, Sendable {
  /// Of the migration.
  var version: Int
  var server: Server
  var owner: Owner
  /// Of the role `service_role`; nil: there is no such role.
  var bypassesRowSecurity: Bool?
  /// nil: there is no publication `supabase_realtime`.
  var publication: Publication?
  /// Those of the migration that `service_role` may call.
  var functions: Set<String> = []
  var hasLedger = false
  var hasMarker = false
  var isMarkerPublished = false
  /// Tables with triggers of the ledger.
  var logged: [TableName: Logged] = [:]
  var relations: [TableName: Relation] = [:]

  struct Server: Hashable, Sendable {
    /// As people read it.
    var version = ""
    /// The same in two projects only if they are one database.
    var identity = ""
    /// Microseconds since 1970, when it answered.
    var clock: Int64 = 0
    var timeZone = "UTC"
    /// By which columns of the collation `default` are sorted.
    var collation = ""
    var walLevel = "logical"
  }

  /// Whose rights the migration's functions have.
  struct Owner: Hashable, Sendable {
    var name = "postgres"
    /// Sees transactions of others, which the horizon needs.
    var readsStatistics = true
    var setsReplicationRole = true
  }

  struct Publication: Hashable, Sendable {
    var isComplete = true
    var viaRoot = false
  }

  struct Logged: Hashable, Sendable {
    var isComplete: Bool
    var keyColumns: [String]
  }
}

/// One table, view or other relation, as the database's own catalogue has it.
struct Relation: Hashable, Sendable {
  enum Kind: String, Hashable, Sendable {
    case table, partitioned, view, materialized, foreign
  }

  enum Privilege: String, Hashable, Sendable, CaseIterable {
    case select, insert, update, delete
  }

  var name: TableName
  var kind = Kind.table
  /// Quoted.
  var partitionOf: String?
  var isUnlogged = false
  var hasRowSecurity = false
  var replicaIdentity = "default"
  /// Whether UPDATE and DELETE work where the table is published.
  var isIdentified = true
  /// Of a partitioned table: all its partitions.
  var isPublished = false
  var publishedColumns: [String]?
  var rowFilter: String?
  /// Estimated; -1: unknown.
  var rows = -1
  var bytes = 0
  /// Of `service_role`.
  var privileges = Set(Privilege.allCases)
  var rules: [String] = []
  var columns: [Attribute] = []
  var indexes: [Index] = []
  var foreignKeys: [ForeignKey] = []
  var checks: [NamedDefinition] = []
  var triggers: [Trigger] = []

  struct Attribute: Hashable, Sendable {
    var name: String
    /// With its length or precision.
    var type: String
    /// What is behind a domain.
    var base: String?
    var isNotNull = false
    var defaultExpression: String?
    var generated: String?
    /// `always` or `default`.
    var identity: String?
    /// `default`: the database's; nil: values that have none.
    var collation: String?
    /// The enumerated type of the values, or of an array's elements.
    var enumeration: String?
    var labels: [String] = []
    var domain: String?
    var domainChecks: [NamedDefinition] = []

    /// What values are, whatever they are called.
    var plainType: String { base ?? type }
  }

  struct Index: Hashable, Sendable {
    var name: String
    var constraint: String?
    /// Without those that are only included; nil for an expression.
    var columns: [String?]
    var isUnique = false
    var isPrimary = false
    var isValid = true
    var isImmediate = true
    var isPartial = false

    /// Whether no two rows can ever be equal in the columns.
    var isKey: Bool {
      isUnique && isValid && isImmediate && !isPartial && !columns.contains(nil)
    }
  }

  struct ForeignKey: Hashable, Sendable {
    var name: String
    var columns: [String]
    var table: TableName
  }

  struct NamedDefinition: Hashable, Sendable {
    var name: String
    var definition: String
  }

  struct Trigger: Hashable, Sendable {
    var name: String
    /// Quoted, with its schema.
    var function: String
    /// `pg_trigger.tgenabled`.
    var enabled = "O"
    var isBefore = true
    var isPerRow = true
    var events: Set<String> = []
    /// Columns that its function sets, as far as its text tells.
    var assigns: Set<String> = []
    var isOurs = false

    /// Whether it runs for what a mirror, or anybody else, writes.
    var isEnabled: Bool { enabled == "O" || enabled == "A" }
  }

  subscript(column: String) -> Attribute? { columns.first { $0.name == column } }

  var primaryKey: [String] {
    indexes.first(where: \.isPrimary)?.columns.compactMap { $0 } ?? []
  }
}
