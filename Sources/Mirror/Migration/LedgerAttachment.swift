import Supabase

extension Migration {
  /// Triggers on exactly these tables.
  ///
  /// `WHEN (old.key is distinct from new.key)` without a column list: `UPDATE OF` looks at the SET list only and
  /// misses a key that another trigger changes.
  static func attachTriggers(to tables: [TableConfiguration]) -> String {
    """
    -- The triggers. Tables and their key columns are those of tables.config.json; triggers of ours on other
    -- tables are dropped. zz: triggers run in the order of their names, and ours are to see what others did.
    do \(dollarQuoted(attachment(of: tables)));

    """
  }

  private static func attachment(of tables: [TableConfiguration]) -> String {
    """
    declare
      tables jsonb := (
        select jsonb_agg(to_jsonb(entry)) from (
    \(rows(for: tables))
        ) as entry (schema_name, table_name, key_columns)
      );
      wanted oid[] := array(
        select to_regclass(format('%I.%I', entry.schema_name, entry.table_name))::oid
        from jsonb_to_recordset(tables) as entry (schema_name text, table_name text)
      );
      configured record;
      installed record;
      relation regclass;
      kind "char";
      missing text;
      rekeyed text;
      arguments text;
    begin
      for installed in
        select t.tgname, t.tgrelid::regclass as relation
        from pg_trigger as t
        join pg_proc as p on p.oid = t.tgfoid
        where p.pronamespace = 'public'::regnamespace
          and p.proname in (\(triggerFunctionNames))
          and not t.tgisinternal and t.tgparentid = 0
          and not exists (select from unnest(wanted) as w (id) where w.id = t.tgrelid)
      loop
        execute format('drop trigger %I on %s', installed.tgname, installed.relation);
      end loop;

      for configured in
        select * from jsonb_to_recordset(tables)
          as entry (schema_name text, table_name text, key_columns text[])
      loop
        relation := to_regclass(
          format('%I.%I', configured.schema_name, configured.table_name));
        -- A table that cannot be had does not keep the others from being logged; the mirror reports it.
        if relation is null then
          raise warning 'there is no table %.%: its deletes are not logged before it is made and this'
            ' migration is applied again', configured.schema_name, configured.table_name;
          continue;
        end if;
        select string_agg(k.name, ', ') into missing
        from unnest(configured.key_columns) as k (name)
        where not exists (
          select from pg_attribute as a
          where a.attrelid = relation and a.attname::text = k.name
            and a.attnum > 0 and not a.attisdropped);
        if missing is not null then
          raise warning '% has no column %: its deletes are not logged before primaryKeys in'
            ' tables.config.json are corrected and this migration is printed and applied again',
            relation, missing;
          continue;
        end if;
        select c.relkind into kind from pg_class as c where c.oid = relation;
        if kind not in ('r', 'p') then
          raise warning '% is no table: its deletes cannot be logged', relation;
          continue;
        end if;
        if exists (
          select from pg_partition_ancestors(relation) as a
          where a.relid <> relation and a.relid::oid = any (wanted)
        ) then
          raise exception '% is a partition of a table that is configured too', relation
            using hint = 'Keep only the partitioned table in tables.config.json.';
        end if;

        select string_agg(format('old.%1$I is distinct from new.%1$I', k.name), ' or '),
          string_agg(quote_literal(k.name), ', ' order by k.position)
        into rekeyed, arguments
        from unnest(configured.key_columns) with ordinality as k (name, position);

        -- A partitioned table's rows may be deleted through a partition, an inheriting table's rows
        -- through its parent: statement triggers would not run there.
        execute format(
          'create or replace trigger zz_sync_log_delete after delete on %s %s(%s)',
          relation,
          case when kind = 'p'
            or exists (select from pg_inherits as i where i.inhrelid = relation)
          then 'for each row execute function public.sync_log_deleted_row'
          else 'referencing old table as old_rows'
            ' for each statement execute function public.sync_log_deleted_rows'
          end,
          arguments);
        -- Before, where the row may move to another partition: that update ends as a delete and an
        -- insert, and triggers after it never see both keys.
        execute format(
          'create or replace trigger zz_sync_log_rekey %s update on %s'
            ' for each row when (%s) execute function public.sync_log_rekeyed_row(%s)',
          case when kind = 'p' then 'before' else 'after' end, relation, rekeyed, arguments);
        execute format(
          'create or replace trigger zz_sync_log_truncate after truncate on %s'
            ' for each statement execute function public.sync_log_truncate()',
          relation);
      end loop;
    end
    """
  }

  private static func rows(for tables: [TableConfiguration]) -> String {
    guard !tables.isEmpty else {
      return "      select null::text, null::text, null::text[] where false"
    }
    let rows = tables.map { table in
      let keys = table.primaryKeys.map(literal).joined(separator: ", ")
      return
        "        (\(literal(table.name.schema)), \(literal(table.name.name)), array[\(keys)])"
    }
    return "      values\n" + rows.joined(separator: ",\n")
  }
}
