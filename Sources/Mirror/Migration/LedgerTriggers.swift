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

    -- The table that a trigger was made for: for a partition, the partitioned table it has it from.
    create or replace function public.sync_logged_relation(
      relation oid, trigger_name name, out schema_name text, out table_name text
    )
    language sql stable set search_path = '' as $sync$
      with recursive origin as (
        select t.tgrelid, t.tgparentid
        from pg_catalog.pg_trigger as t
        where t.tgrelid = relation and t.tgname = trigger_name
        union all
        select t.tgrelid, t.tgparentid
        from origin join pg_catalog.pg_trigger as t on t.oid = origin.tgparentid
      )
      select n.nspname::text, c.relname::text
      from origin
      join pg_catalog.pg_class as c on c.oid = origin.tgrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where origin.tgparentid = 0
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
      execute pg_catalog.format(
        'insert into public.sync_deletions (schema_name, table_name, primary_key, operation)'
          ' select t.schema_name, t.table_name, %s, ''delete'''
          ' from public.sync_logged_relation($1, $2) as t',
        public.sync_key_expression(tg_relid, tg_argv, '$3'))
        using tg_relid, tg_name, old;
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
      execute pg_catalog.format(
        'insert into public.sync_deletions (schema_name, table_name, primary_key, operation)'
          ' select t.schema_name, t.table_name, k.primary_key, ''rekey'''
          ' from public.sync_logged_relation($1, $2) as t, (values (%s), (%s)) as k (primary_key)',
        public.sync_key_expression(tg_relid, tg_argv, '$3'),
        public.sync_key_expression(tg_relid, tg_argv, '$4'))
        using tg_relid, tg_name, old, new;
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
