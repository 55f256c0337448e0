extension Migration {
  /// What the triggers do.
  ///
  /// The settings of the functions make the key's text the one that PostgREST writes, whatever the session
  /// that deletes has set: time zone UTC, ISO dates, hex bytea, all digits of a float.
  static let triggerFunctions = #"""
    -- Whether the running statement was sent by a mirror, so that what a mirror copies is not taken for a
    -- change made here. PostgREST keeps the request's headers in a setting. The header alone proves nothing,
    -- anybody may send it: it counts only from a role that may read the ledger.
    create or replace function public.sync_is_mirror_write() returns boolean
    language plpgsql stable set search_path = '' as $sync$
    declare
      headers text := pg_catalog.current_setting('request.headers', true);
      caller text := pg_catalog.current_setting('role', true);
    begin
      if headers is null or pg_catalog.strpos(headers, 'x-supamirror-origin') = 0 then
        return false;
      end if;
      begin
        if coalesce(headers::json ->> 'x-supamirror-origin', '') = '' then
          return false;
        end if;
      exception when others then
        -- Not the headers of a request. Logging too much costs a look, failing costs the user's delete.
        return false;
      end;
      if caller is null or caller in ('', 'none') then
        caller := session_user;
      end if;
      return pg_catalog.has_table_privilege(caller, 'public.sync_deletions', 'select');
    end
    $sync$;

    -- The SQL expression of a row's key as jsonb: {"column": value}. Columns that are not there any more
    -- (renamed since the triggers were made) are replaced by the primary key as it is now.
    create or replace function public.sync_key_expression(
      relation oid, key_columns text[], row_name text
    ) returns text
    language plpgsql stable set search_path = '' as $sync$
    declare
      expression text;
      found_columns bigint;
    begin
      select pg_catalog.count(*),
        pg_catalog.string_agg(
          pg_catalog.format('%L, pg_catalog.to_jsonb(%s.%I)', a.attname, row_name, a.attname), ', ')
      into found_columns, expression
      from pg_catalog.pg_attribute as a
      where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
        and a.attname::text = any (key_columns);

      if found_columns <> pg_catalog.cardinality(key_columns) then
        select pg_catalog.string_agg(
          pg_catalog.format('%L, pg_catalog.to_jsonb(%s.%I)', a.attname, row_name, a.attname), ', ')
        into expression
        from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a
          on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = relation and i.indisprimary;
      end if;
      if expression is null then
        raise exception 'supamirror cannot log this change of %: key columns % are gone',
          relation::pg_catalog.regclass, key_columns
          using hint = 'Apply the output of "supamirror migration" again, with the new key columns.';
      end if;
      return pg_catalog.format('pg_catalog.jsonb_build_object(%s)', expression);
    end
    $sync$;

    -- The key of one row. Needs no new plan for each row, unlike the expression.
    create or replace function public.sync_key_of_row(
      relation oid, key_columns text[], whole_row jsonb
    ) returns jsonb
    language plpgsql stable set search_path = '' as $sync$
    declare
      row_key jsonb;
    begin
      if whole_row ?& key_columns then
        return (
          select pg_catalog.jsonb_object_agg(k.name, whole_row -> k.name)
          from pg_catalog.unnest(key_columns) as k (name));
      end if;
      execute pg_catalog.format(
        'select %s from pg_catalog.jsonb_populate_record(null::%s, $1) as whole_row',
        public.sync_key_expression(relation, key_columns, 'whole_row'),
        relation::pg_catalog.regclass)
        into row_key using whole_row;
      return row_key;
    end
    $sync$;

    -- The table that a trigger was made for: for a partition, the partitioned table it has it from.
    create or replace function public.sync_logged_relation(
      relation oid, trigger_name name, out schema_name text, out table_name text
    )
    language plpgsql stable set search_path = '' as $sync$
    declare
      origin oid := relation;
      parent oid;
    begin
      select t.tgparentid into parent
      from pg_catalog.pg_trigger as t
      where t.tgrelid = relation and t.tgname = trigger_name;
      while parent <> 0 loop
        select t.tgrelid, t.tgparentid into origin, parent
        from pg_catalog.pg_trigger as t
        where t.oid = parent;
      end loop;
      select n.nspname, c.relname into schema_name, table_name
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where c.oid = origin;
    end
    $sync$;

    -- After DELETE, once for all rows of the statement: a delete of many rows stays quick.
    create or replace function public.sync_log_deleted_rows() returns trigger
    language plpgsql security definer
    set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
    set bytea_output = 'hex' set extra_float_digits = 1
    as $sync$
    begin
      if not exists (select from old_rows) or public.sync_is_mirror_write() then
        return null;
      end if;
      execute pg_catalog.format(
        'insert into public.sync_deletions (schema_name, table_name, primary_key, operation)'
          ' select $1, $2, %s, ''delete'' from old_rows as old_row',
        public.sync_key_expression(tg_relid, tg_argv, 'old_row'))
        using tg_table_schema, tg_table_name;
      return null;
    end
    $sync$;

    -- After DELETE, row by row: for partitioned tables, where a row may be deleted by the name of the
    -- partition, which only row triggers notice.
    create or replace function public.sync_log_deleted_row() returns trigger
    language plpgsql security definer
    set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
    set bytea_output = 'hex' set extra_float_digits = 1
    as $sync$
    begin
      if public.sync_is_mirror_write() then
        return null;
      end if;
      insert into public.sync_deletions (schema_name, table_name, primary_key, operation)
      select t.schema_name, t.table_name,
        public.sync_key_of_row(tg_relid, tg_argv, pg_catalog.to_jsonb(old)), 'delete'
      from public.sync_logged_relation(tg_relid, tg_name) as t;
      return null;
    end
    $sync$;

    -- On an UPDATE that changes the key: the old key and the new one, both only keys to look at again.
    create or replace function public.sync_log_rekeyed_row() returns trigger
    language plpgsql security definer
    set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
    set bytea_output = 'hex' set extra_float_digits = 1
    as $sync$
    begin
      if public.sync_is_mirror_write() then
        return new;
      end if;
      insert into public.sync_deletions (schema_name, table_name, primary_key, operation)
      select t.schema_name, t.table_name,
        public.sync_key_of_row(tg_relid, tg_argv, changed.whole_row), 'rekey'
      from public.sync_logged_relation(tg_relid, tg_name) as t,
        (values (pg_catalog.to_jsonb(old)), (pg_catalog.to_jsonb(new))) as changed (whole_row);
      return new;
    end
    $sync$;

    -- After TRUNCATE: no key, the whole table is to be looked at.
    create or replace function public.sync_log_truncate() returns trigger
    language plpgsql security definer set search_path = '' as $sync$
    begin
      if not public.sync_is_mirror_write() then
        insert into public.sync_deletions (schema_name, table_name, primary_key, operation)
        values (tg_table_schema, tg_table_name, null, 'truncate');
      end if;
      return null;
    end
    $sync$;

    """#
}
