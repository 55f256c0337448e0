import Supabase

extension Check {
  /// The migration's functions, tables and rights in one project.
  func migration(_ project: ProjectCatalogue) -> [Finding] {
    let isSource = project.role == source.role
    let why =
      isSource
      ? "without it deletes are not mirrored, long transactions can be missed, and nothing proves "
        + "that changes flow"
      : "without it nothing proves that changes flow, and the two projects cannot change places"
    let again =
      "run supamirror migration > sync.sql, and apply sync.sql to both projects (Dashboard, SQL "
      + "editor; supabase db push; or psql --single-transaction -f sync.sql)"
    guard let database = project.database else {
      let isOlder = project.exposed.functions.contains("sync_version")
      return [
        Finding(
          isOlder ? .migrationOld : .migrationMissing,
          isSource && conditions.deletes && !isOlder ? .problem : .warning, on: project.role,
          isOlder
            ? "the \(project.role)'s migration is older than this program"
            : "the migration is not in the \(project.role)", why: why, mend: again)
      ]
    }
    var found: [Finding] = []
    if database.version < Migration.version {
      found.append(
        Finding(
          .migrationOld, .warning, on: project.role,
          "the \(project.role) has version \(database.version) of the migration, and this program "
            + "comes with version \(Migration.version)", why: why, mend: again))
    } else if database.version > Migration.version {
      found.append(
        Finding(
          .migrationNew, .warning, on: project.role,
          "the \(project.role) has version \(database.version) of the migration, and this program "
            + "knows version \(Migration.version)",
          why: "what the newer one does is not known to this program",
          mend: "install the newer supamirror here"))
    }
    let missing = Set(["sync_register_mirror", "sync_mark_processed", "sync_horizon"])
      .subtracting(database.functions)
    if !missing.isEmpty || !database.hasLedger || !database.hasMarker {
      found.append(
        Finding(
          .migrationMissing, isSource && conditions.deletes ? .problem : .warning,
          on: project.role, "the migration is not whole in the \(project.role)",
          why: why, mend: again))
    }
    if isSource, !database.owner.readsStatistics {
      found.append(
        Finding(
          .horizonBlind, .warning, on: project.role,
          "sync_horizon() cannot see other sessions, as its owner \(database.owner.name) may not",
          why:
            "rows of transactions that last longer than SYNC_RECONCILE_LOOKBACK_MS can be missed",
          mend: "let the owner see them",
          sql: "grant pg_read_all_stats to \(SQLName.quoted(database.owner.name));"))
    }
    return found
  }

  /// What Realtime needs of a project's database; of the target only that the mirror's own writes are not hindered.
  func publication(_ project: ProjectCatalogue) -> [Finding] {
    let isFollowed = conditions.usesFeed && tables.contains(where: \.realtime)
    guard project.role == source.role, isFollowed, let database = project.database else {
      return []
    }
    let why = "the feed reports nothing, so changes arrive by passes only"
    if database.server.walLevel != "logical" {
      return [
        Finding(
          .notLogical, .warning, on: project.role,
          "the source's wal_level is \(database.server.walLevel)", why: why,
          mend: "set it, as superuser, and restart the database",
          sql: "alter system set wal_level = 'logical';")
      ]
    }
    guard let publication = database.publication else {
      let names =
        [Marker.table]
        + tables.filter { $0.realtime && project.relation($0.name)?.isIdentified == true }
        .map(\.name)
      return [
        Finding(
          .publicationMissing, .warning, on: project.role,
          "the source has no publication \(Statement.publication)", why: why,
          mend: "make it with the tables in it",
          sql: "create publication \(Statement.publication) for table "
            + names.map { SQLName.quoted($0) }.joined(separator: ", ") + ";")
      ]
    }
    var found: [Finding] = []
    if !publication.isComplete {
      found.append(
        Finding(
          .publicationIncomplete, .warning, on: project.role,
          "the publication \(Statement.publication) leaves out some kinds of changes",
          why: "those arrive by passes only", mend: "publish all kinds",
          sql: "alter publication \(Statement.publication) "
            + "set (publish = 'insert, update, delete, truncate');"))
    }
    let isPartitioned = tables.contains { project.relation($0.name)?.kind == .partitioned }
    if publication.viaRoot, isPartitioned {
      found.append(
        Finding(
          .publicationViaRoot, .warning, on: project.role,
          "the publication \(Statement.publication) publishes by partitioned tables",
          why: "Realtime then reports no change of any partition", mend: "publish by partition",
          sql: "alter publication \(Statement.publication) "
            + "set (publish_via_partition_root = false);"))
    }
    if database.hasMarker, !database.isMarkerPublished {
      found.append(
        Finding(
          .markerUnpublished, .warning, on: project.role,
          "the marker table \(Marker.table) is not published",
          why: "nothing proves that the feed is alive", mend: "publish it",
          sql: Statement.publish(Marker.table)))
    }
    return found
  }
}
