package import Supabase

/// One thing that stands in the way of a faithful copy, and how it is mended.
package struct Finding: Hashable, Sendable {
  package enum Severity: String, Hashable, Sendable {
    /// Rows would be missing, wrong or refused: to be mended before the mirror is relied on.
    case problem
    /// Something that a person should know or may want to mend.
    case warning
  }

  /// Stable: programs that read `check --json` know findings by them.
  package enum Name: String, Hashable, Sendable, CaseIterable {
    case unreachable
    case keyRefused = "key-refused"
    case oneDatabase = "one-database"
    case clockOff = "clock-off"
    case rowCap = "row-cap"
    case fileReadable = "file-readable"
    case migrationMissing = "migration-missing"
    case migrationOld = "migration-old"
    case migrationNew = "migration-new"
    case horizonBlind = "horizon-blind"
    case schemaHidden = "schema-hidden"

    case publicationMissing = "publication-missing"
    case publicationIncomplete = "publication-incomplete"
    case publicationViaRoot = "publication-via-root"
    case publicationColumns = "publication-columns"
    case publicationFilter = "publication-filter"
    case markerUnpublished = "marker-unpublished"
    case notPublished = "not-published"
    case noReplicaIdentity = "no-replica-identity"
    case notLogical = "not-logical"
    case realtimePartitioned = "realtime-partitioned"
    case realtimeName = "realtime-name"

    case tableMissing = "table-missing"
    case view
    case foreignTable = "foreign-table"
    case partition
    case unlogged
    case privilege
    case rowSecurity = "row-security"
    case rules

    case columnMissing = "column-missing"
    case columnExtra = "column-extra"
    case columnRequired = "column-required"
    case columnType = "column-type"
    case columnNarrower = "column-narrower"
    case nullRefused = "null-refused"
    case identityAlways = "identity-always"
    case generatedOnTarget = "generated-on-target"
    case generatedDiffers = "generated-differs"
    case enumLabels = "enum-labels"
    case domainCheck = "domain-check"
    case checkConstraint = "check-constraint"
    case uniqueOnTarget = "unique-on-target"

    case keyMissing = "key-missing"
    case keyless
    case keyNotUnique = "key-not-unique"
    case keyNullable = "key-nullable"
    case keyCollation = "key-collation"

    case fieldMissing = "field-missing"
    case fieldType = "field-type"
    case fieldNullable = "field-nullable"
    case fieldNotIndexed = "field-not-indexed"
    case fieldNotStamped = "field-not-stamped"
    case fieldNotMoved = "field-not-moved"
    case fieldWithoutZone = "field-without-zone"

    case triggerChangesRows = "trigger-changes-rows"
    case triggerMayChangeRows = "trigger-may-change-rows"
    case triggerActs = "trigger-acts"

    case notLogged = "not-logged"
    case ledgerDisabled = "ledger-disabled"
    case ledgerKeys = "ledger-keys"

    case referenceUnmirrored = "reference-unmirrored"
    case referenceCircle = "reference-circle"
    case rowsOnTarget = "rows-on-target"
  }

  package let name: Name
  package let severity: Severity
  /// `source` or `target`, where `sql` is to be run; nil: neither.
  package let project: String?
  package let table: TableName?
  /// What is the case.
  package let what: String
  /// Why it matters.
  package let why: String
  /// What to do.
  package let mend: String
  /// Statements that mend it, where statements can.
  package let sql: String?

  init(
    _ name: Name, _ severity: Severity, on project: String?, of table: TableName? = nil,
    _ what: String, why: String, mend: String, sql: String? = nil
  ) {
    self.name = name
    self.severity = severity
    self.project = project
    self.table = table
    self.what = what
    self.why = why
    self.mend = mend
    self.sql = sql
  }
}

/// What a check found, in the order in which it is to be read.
package struct CheckReport: Sendable {
  /// A line each: what was looked at.
  package var facts: [Fact] = []
  package var tables: [TableName] = []
  package var findings: [Finding] = []
  /// What could not be looked at, and how it could.
  package var unseen: [String] = []

  package struct Fact: Hashable, Sendable {
    package let project: String
    package let text: String
  }

  package init() {}

  package func count(_ severity: Finding.Severity) -> Int {
    findings.count { $0.severity == severity }
  }

  package var exitCode: ExitCode {
    let ends = findings.contains { $0.name == .unreachable || $0.name == .keyRefused }
    return ends ? .project : count(.problem) > 0 ? .incomplete : .clean
  }
}
