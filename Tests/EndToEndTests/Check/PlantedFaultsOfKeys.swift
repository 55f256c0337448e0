extension PlantedFault {
  private static func without(_ name: String) -> [String] {
    GoodPair.tables.filter { !$0.contains("\"\(name)\"") }
  }

  static let keys = [
    PlantedFault(
      name: "key-missing", tables: without("logs") + [MirrorProgram.table("logs", keys: ["key"])],
      isMendedBySQL: false),
    PlantedFault(
      name: "keyless", target: "alter table shop.items drop constraint items_pkey"),
    PlantedFault(
      name: "key-not-unique",
      target:
        "alter table logs drop constraint logs_pkey, add constraint logs_pkey primary key (id) deferrable",
      undoTarget:
        "alter table logs drop constraint logs_pkey, add primary key (id); drop index logs_id_idx"),
    PlantedFault(
      name: "key-nullable",
      source:
        "alter table logs drop constraint logs_pkey, add constraint other unique (id), alter id drop not null",
      undoSource: "alter table logs drop constraint other, add primary key (id)"),
    PlantedFault(
      name: "key-collation",
      target:
        "drop trigger zz_sync_log_rekey on shop.items; alter table shop.items alter sku type text collate \"C\"",
      undoneByMigration: true, exitCode: 0),
    PlantedFault(
      name: "column-type",
      target:
        "drop trigger zz_sync_log_rekey on logs; alter table logs alter id type smallint",
      undoneByMigration: true),
  ]

  static let fields = [
    PlantedFault(
      name: "field-missing",
      tables: without("logs") + [MirrorProgram.table("logs", by: ["changed_at"])],
      isMendedBySQL: false),
    PlantedFault(
      name: "field-type", tables: without("logs") + [MirrorProgram.table("logs", by: ["note"])],
      isMendedBySQL: false),
    PlantedFault(
      name: "field-nullable", source: "alter table shop.items alter \"Changed\" drop not null"),
    PlantedFault(name: "field-not-indexed", source: "drop index many_followed", exitCode: 0),
    PlantedFault(
      name: "field-not-stamped", source: "alter table shop.items alter \"Changed\" drop default",
      exitCode: 0),
    PlantedFault(
      name: "field-not-moved", source: "drop trigger touch on shop.items", exitCode: 0),
    PlantedFault(
      name: "field-not-moved", source: "alter table \"Order\" disable trigger touch", exitCode: 0),
  ]

  static let feed = [
    PlantedFault(
      name: "publication-missing", source: "drop publication supabase_realtime", exitCode: 0),
    PlantedFault(
      name: "publication-incomplete",
      source: "alter publication supabase_realtime set (publish = 'insert')", exitCode: 0),
    PlantedFault(
      name: "publication-via-root",
      source:
        "alter publication supabase_realtime set (publish_via_partition_root = true)", exitCode: 0),
    PlantedFault(
      name: "publication-columns",
      source:
        "alter publication supabase_realtime drop table logs; alter publication supabase_realtime add table logs (note)",
      exitCode: 0),
    PlantedFault(
      name: "publication-filter",
      source:
        "alter publication supabase_realtime drop table \"Order\"; alter publication supabase_realtime add table \"Order\" where (\"Id\" > 5)",
      exitCode: 0),
    PlantedFault(
      name: "marker-unpublished",
      source: "alter publication supabase_realtime drop table sync_heartbeat", exitCode: 0),
    PlantedFault(
      name: "not-published", source: "alter publication supabase_realtime drop table \"Order\"",
      exitCode: 0),
    PlantedFault(
      name: "no-replica-identity", source: "alter table \"Order\" replica identity nothing"),
    PlantedFault(
      name: "no-replica-identity", target: "alter table logs replica identity nothing"),
    PlantedFault(
      name: "realtime-partitioned", tables: without("parts") + [MirrorProgram.table("parts")],
      isMendedBySQL: false, exitCode: 0),
  ]

  static let writes = [
    PlantedFault(
      name: "trigger-changes-rows",
      target: """
        create function stamp() returns trigger language plpgsql as $$
        begin NEW."Changed" := now(); return new; end $$;
        create trigger "Stamp it" before insert or update on shop.items
          for each row execute function stamp();
        """, undoTarget: "drop function stamp() cascade"),
    PlantedFault(
      name: "trigger-may-change-rows",
      target: """
        create function skip() returns trigger language plpgsql as 'begin return null; end';
        create trigger skip before insert on logs for each row execute function skip();
        """, undoTarget: "drop function skip() cascade", exitCode: 0),
    PlantedFault(
      name: "trigger-acts",
      target: """
        create function act() returns trigger language plpgsql as 'begin return null; end';
        create trigger act after insert on logs for each statement execute function act();
        """, undoTarget: "drop function act() cascade", exitCode: 0),
    PlantedFault(
      name: "not-logged",
      source: """
        drop trigger zz_sync_log_delete on logs; drop trigger zz_sync_log_rekey on logs;
        drop trigger zz_sync_log_truncate on logs
        """, isMendedBySQL: false, undoneByMigration: true),
    PlantedFault(
      name: "ledger-disabled", source: "alter table \"Order\" disable trigger zz_sync_log_rekey"),
    PlantedFault(
      name: "ledger-disabled", target: "alter table logs disable trigger user", exitCode: 0),
    PlantedFault(
      name: "ledger-keys",
      tables: without("users") + [MirrorProgram.table("users", keys: ["code"])],
      isMendedBySQL: false),
    PlantedFault(
      name: "reference-unmirrored",
      target: """
        create table people (id uuid primary key);
        alter table users add constraint "Person" foreign key (id) references people;
        """, undoTarget: "drop table people"),
    PlantedFault(
      name: "reference-circle",
      target:
        "alter table users add constraint \"Last\" foreign key (last_order) references \"Order\"",
      exitCode: 0),
  ]
}
