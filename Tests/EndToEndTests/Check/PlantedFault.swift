import Testing

/// One thing that is not right, in an otherwise good pair.
struct PlantedFault: Sendable, CustomTestStringConvertible {
  /// As `check --json` names it.
  let name: String
  var source = ""
  var target = ""
  /// Entries of the table configuration in place of the good ones.
  var tables: [String]?
  var settings: @Sendable (Stack) -> [String: String] = { _ in [:] }
  /// Whether running the SQL that is printed makes the finding go.
  var isMendedBySQL = true
  /// Takes back what is left of it.
  var undoSource = ""
  var undoTarget = ""
  /// Whether applying the migration again belongs to that.
  var undoneByMigration = false
  var exitCode: Int32 = 1

  var testDescription: String { name }

  static let all = projects + presence + columns + keys + fields + feed + writes

  static let projects = [
    PlantedFault(
      name: "row-cap", settings: { _ in ["SYNC_RECONCILE_BATCH_SIZE": "5000"] },
      isMendedBySQL: false, exitCode: 0),
    PlantedFault(
      name: "one-database",
      settings: {
        [
          "SYNC_TARGET_SUPABASE_URL": $0.source.url.replacing("127.0.0.1", with: "localhost"),
          "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": $0.source.key,
        ]
      }, isMendedBySQL: false),
    PlantedFault(
      name: "unreachable",
      settings: { _ in ["SYNC_TARGET_SUPABASE_URL": "http://127.0.0.1:1", "SYNC_RETRY_MS": "100"] },
      isMendedBySQL: false, exitCode: 3),
    PlantedFault(
      name: "migration-missing", source: "drop function sync_horizon()", isMendedBySQL: false,
      undoneByMigration: true),
    PlantedFault(
      name: "migration-old",
      target:
        "create or replace function sync_version() returns integer language sql immutable security definer set search_path = '' as 'select 1'",
      isMendedBySQL: false, undoneByMigration: true, exitCode: 0),
    PlantedFault(
      name: "migration-new",
      source:
        "create or replace function sync_version() returns integer language sql immutable security definer set search_path = '' as 'select 99'",
      isMendedBySQL: false, undoneByMigration: true, exitCode: 0),
    PlantedFault(
      name: "horizon-blind",
      source:
        "create role \"no stats\"; grant create on schema public to \"no stats\"; alter function sync_horizon() owner to \"no stats\"",
      undoSource:
        "alter function sync_horizon() owner to current_user; drop owned by \"no stats\"; drop role \"no stats\"",
      exitCode: 0),
  ]

  static let presence = [
    PlantedFault(
      name: "schema-hidden", source: "create schema hidden; create table hidden.a (id int)",
      tables: GoodPair.tables + [MirrorProgram.table("a", schema: "hidden")], isMendedBySQL: false,
      undoSource: "drop schema hidden cascade"),
    PlantedFault(
      name: "table-missing", target: "alter table logs rename to elsewhere", isMendedBySQL: false,
      undoTarget: "alter table elsewhere rename to logs"),
    PlantedFault(
      name: "view", source: "create view seen as select * from logs",
      target: "create view seen as select * from logs",
      tables: GoodPair.tables + [MirrorProgram.table("seen")], isMendedBySQL: false,
      undoSource: "drop view seen", undoTarget: "drop view seen"),
    PlantedFault(
      name: "partition", tables: [MirrorProgram.table("part_one")], isMendedBySQL: false),
    PlantedFault(
      name: "privilege", target: "revoke insert on \"Order\" from service_role"),
    PlantedFault(
      name: "row-security",
      source: "alter role service_role nobypassrls; alter table logs enable row level security",
      undoSource: "alter table logs disable row level security"),
    PlantedFault(
      name: "unlogged",
      target:
        "alter publication supabase_realtime drop table logs; alter table logs set unlogged",
      undoTarget: "alter publication supabase_realtime add table logs"),
    PlantedFault(
      name: "rules",
      target: "create rule \"keep all\" as on delete to \"Order\" do instead nothing", exitCode: 0),
    PlantedFault(
      name: "rows-on-target", target: "insert into logs values (1, 'of the target')",
      isMendedBySQL: false, undoTarget: "delete from logs", exitCode: 0),
  ]

  static let columns = [
    PlantedFault(
      name: "column-missing", target: "alter table \"Order\" drop column total"),
    PlantedFault(
      name: "column-extra", target: "alter table logs add column extra text",
      isMendedBySQL: false, undoTarget: "alter table logs drop column extra", exitCode: 0),
    PlantedFault(
      name: "column-required", target: "alter table logs add column \"Extra\" text not null",
      undoTarget: "alter table logs drop column \"Extra\""),
    PlantedFault(
      name: "column-type",
      target:
        "alter table shop.items alter note drop default, alter note type bytea using ''::bytea",
      undoTarget: "alter table shop.items alter note set default ''"),
    PlantedFault(
      name: "column-narrower", target: "alter table \"Order\" alter total type numeric(10, 1)"),
    PlantedFault(
      name: "column-narrower", target: "alter table users alter name type varchar(20)"),
    PlantedFault(
      name: "column-narrower", target: "alter table logs alter updated_at type timestamptz(3)"),
    PlantedFault(name: "null-refused", target: "alter table logs alter note set not null"),
    PlantedFault(
      name: "identity-always",
      target: "alter table \"Order\" alter \"Id\" set generated always"),
    PlantedFault(
      name: "generated-on-target",
      target:
        "alter table logs drop note, add note text generated always as ('x') stored"),
    PlantedFault(
      name: "generated-differs",
      target:
        "alter table \"Order\" drop doubled, add doubled int generated always as (n * 3) stored",
      undoTarget:
        "alter table \"Order\" drop doubled, add doubled int generated always as (n * 2) stored"),
    PlantedFault(name: "enum-labels", source: "alter type mood add value 'new' after 'happy'"),
    PlantedFault(
      name: "domain-check",
      target: "alter domain email add constraint \"No dots\" check (value not like '%..%')",
      exitCode: 0),
    PlantedFault(
      name: "check-constraint", target: "alter table logs add constraint \"Short\" check (id < 10)",
      exitCode: 0),
    PlantedFault(
      name: "unique-on-target", target: "alter table logs add constraint \"One\" unique (note)",
      exitCode: 0),
    PlantedFault(
      name: "unique-on-target", target: "create unique index \"One more\" on shop.items (note)",
      exitCode: 0),
  ]
}
