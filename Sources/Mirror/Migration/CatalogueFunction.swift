extension Migration {
  /// What `supamirror init` and `supamirror check` need to know and PostgREST does not tell.
  ///
  /// One jsonb object. Members whose value would be null are left out of tables' parts.
  ///
  /// | member | holds |
  /// |---|---|
  /// | `version` | of this migration |
  /// | `server` | `{version, number, database, started, clock, time_zone, collation, wal_level}`; times are microseconds since 1970 |
  /// | `owner` | of `sync_horizon()`: `{name, reads_stats, sets_replication_role}` |
  /// | `service_role` | `{bypasses_row_security}`; null: there is no such role |
  /// | `publication` | of Realtime: `{insert, update, delete, via_root}`; null: there is none |
  /// | `functions` | names of the migration's functions that `service_role` may call |
  /// | `ledger`, `marker`, `marker_published` | whether these tables are there |
  /// | `logged` | `[{schema, name, complete, key_columns}]`, as `sync_ledger_tables()` has it |
  /// | `tables` | one object a relation, but for the migration's own |
  ///
  /// A table: `schema`, `name`, `kind` (table, partitioned, view, materialized, foreign), `partition_of`, `unlogged`,
  /// `row_security`, `row_security_forced`, `replica_identity` (default, full, nothing, index), `identified` (whether
  /// UPDATE and DELETE work where it is published), `published` (for a partitioned table: all its partitions),
  /// `published_columns`, `row_filter`, `rows` (estimated; -1: unknown), `bytes`, `privileges` (of `service_role`),
  /// `rules`, and lists of
  /// - `columns`: `name`, `type`, `base` (behind a domain), `not_null`, `default`, `identity` (always, default), `generated`,
  ///   `collation`, `enum`, `labels`, `domain`, `domain_checks` (`{name, definition}`), `sequence` (`{name, last,
  ///   increment}`)
  /// - `indexes`: `name`, `constraint`, `columns` (null for an expression), `unique`, `primary`, `valid`, `immediate`,
  ///   `partial`, `nulls_not_distinct`
  /// - `foreign_keys`: `name`, `columns`, `schema`, `table`, `to`, `deferrable`
  /// - `checks`: `name`, `definition`
  /// - `triggers`: `name`, `function`, `enabled` (O, D, R, A), `before`, `row`, `events`, `assigns` (columns that its
  ///   function sets, as far as its text tells), `ours`
  static let catalogueFunction = #"""
    -- What is there, for a mirror to check before it begins: tables of these schemas (null: of all but the
    -- system's) with columns, keys, triggers and what is published. It reads no row of any table.
    create or replace function public.sync_catalogue(schemas text[] default null) returns jsonb
    language plpgsql volatile security definer set search_path = '' set jit = off as $sync$
    declare
      silences boolean := false;
    begin
      -- Whether triggers can be silenced is known by trying; the error takes it back.
      begin
        perform set_config('session_replication_role', 'replica', true);
        silences := true;
        raise exception using errcode = 'P0001';
      exception when others then
        null;
      end;
      return jsonb_build_object(
        'version', public.sync_version(),
        'server', jsonb_build_object(
          'version', current_setting('server_version'),
          'number', current_setting('server_version_num')::integer,
          'database', (
            select d.oid::text from pg_catalog.pg_database as d where d.datname = current_database()),
          'started', (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
          'clock', (extract(epoch from clock_timestamp()) * 1000000)::bigint,
          'time_zone', current_setting('TimeZone'),
          'collation', (
            select coalesce(to_jsonb(b) ->> 'datlocale', to_jsonb(b) ->> 'daticulocale', b.datcollate)
            from pg_catalog.pg_database as b where b.datname = current_database()),
          'wal_level', current_setting('wal_level')),
        'owner', (
          select jsonb_build_object(
            'name', pg_get_userbyid(p.proowner),
            'reads_stats', pg_has_role(p.proowner, 'pg_read_all_stats', 'usage'),
            'sets_replication_role', silences)
          from pg_catalog.pg_proc as p where p.oid = to_regprocedure('public.sync_horizon()')),
        'service_role', (
          select jsonb_build_object('bypasses_row_security', r.rolbypassrls or r.rolsuper)
          from pg_catalog.pg_roles as r where r.rolname = 'service_role'),
        'publication', (
          select jsonb_build_object('insert', p.pubinsert, 'update', p.pubupdate,
            'delete', p.pubdelete, 'via_root', p.pubviaroot)
          from pg_catalog.pg_publication as p where p.pubname = 'supabase_realtime'),
        'functions', (
          select coalesce(jsonb_agg(p.proname order by p.proname), '[]')
          from pg_catalog.pg_proc as p
          join pg_catalog.pg_namespace as n on n.oid = p.pronamespace and n.nspname = 'public'
          join pg_catalog.pg_roles as r on r.rolname = 'service_role'
          where p.proname like 'sync\_%' and has_function_privilege(r.oid, p.oid, 'execute')),
        'ledger', to_regclass('public.sync_deletions') is not null,
        'marker', to_regclass('public.sync_heartbeat') is not null,
        'marker_published', exists (
          select from pg_catalog.pg_publication_tables as t
          where t.pubname = 'supabase_realtime' and t.schemaname = 'public'
            and t.tablename = 'sync_heartbeat'),
        'logged', (
          select coalesce(jsonb_agg(jsonb_build_object('schema', l.schema_name, 'name', l.table_name,
            'complete', l.complete, 'key_columns', l.key_columns)), '[]')
          from public.sync_ledger_tables() as l),
        'tables', public.sync_catalogue_tables(schemas));
    end
    $sync$;

    -- Each part is put together for all tables at once. What only newer servers have is read by its name. To
    -- compile the statement takes longer than to run it for a thousand tables.
    create or replace function public.sync_catalogue_tables(schemas text[]) returns jsonb
    language sql stable security definer set search_path = '' set jit = off as $sync$
      with relations as materialized (
        select c.*, n.nspname, r.oid as caller
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        left join pg_catalog.pg_roles as r on r.rolname = 'service_role'
        where c.relkind in ('r', 'p', 'v', 'm', 'f')
          and case when schemas is null
            then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            else n.nspname::text = any (schemas) end
          and not (n.nspname = 'public'
            and c.relname in ('sync_deletions', 'sync_mirrors', 'sync_heartbeat', 'sync_tables'))
      ), published as materialized (
        select c.oid, to_jsonb(t) -> 'attnames' as attnames, to_jsonb(t) ->> 'rowfilter' as rowfilter
        from pg_catalog.pg_publication_tables as t
        join pg_catalog.pg_namespace as n on n.nspname = t.schemaname
        join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = t.tablename
        where t.pubname = 'supabase_realtime'
      ), leaves as materialized (
        select r.oid as root, r.oid as leaf from relations as r where r.relkind = 'r'
        union all
        select r.oid, t.relid from relations as r, pg_partition_tree(r.oid) as t
        where r.relkind = 'p' and t.isleaf and t.relid <> r.oid
      ), enums as materialized (
        select e.enumtypid, jsonb_agg(e.enumlabel order by e.enumsortorder) as labels
        from pg_catalog.pg_enum as e group by e.enumtypid
      ), domain_checks as materialized (
        select k.contypid, jsonb_agg(jsonb_build_object(
          'name', k.conname, 'definition', pg_get_constraintdef(k.oid)) order by k.conname) as checks
        from pg_catalog.pg_constraint as k where k.contype = 'c' and k.contypid <> 0 group by k.contypid
      ), sequences as materialized (
        select d.refobjid, d.refobjsubid, jsonb_build_object(
          'name', format('%I.%I', s.schemaname, s.sequencename), 'last', s.last_value,
          'increment', s.increment_by) as sequence
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_class as c on c.oid = d.objid and c.relkind = 'S'
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_sequences as s on s.schemaname = n.nspname and s.sequencename = c.relname
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.refobjsubid > 0 and d.deptype in ('a', 'i')
      ), columns as (
        select a.attrelid, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'name', a.attname,
          'type', format_type(a.atttypid, a.atttypmod),
          'base', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
          'not_null', a.attnotnull or t.typtype = 'd' and t.typnotnull,
          'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
          'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
          'identity', case a.attidentity when 'a' then 'always' when 'd' then 'default' end,
          'collation', (
            select l.collname from pg_catalog.pg_collation as l where l.oid = a.attcollation),
          'enum', case when e.enumtypid is not null then format_type(e.enumtypid, null) end,
          'labels', e.labels,
          'domain', case when t.typtype = 'd' then format_type(t.oid, null) end,
          'domain_checks', case when t.typtype = 'd' then coalesce(k.checks, '[]') end,
          'sequence', s.sequence)) order by a.attnum) as list
        from relations as r
        join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        join pg_catalog.pg_type as t on t.oid = a.atttypid
        left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        left join enums as e on e.enumtypid = case
          when t.typtype = 'd' then t.typbasetype when t.typcategory = 'A' then t.typelem else t.oid end
        left join domain_checks as k on k.contypid = t.oid
        left join sequences as s on s.refobjid = a.attrelid and s.refobjsubid = a.attnum
        group by a.attrelid
      ), indexes as (
        select i.indrelid, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'name', c.relname, 'constraint', k.conname,
          'unique', i.indisunique, 'primary', i.indisprimary,
          'valid', i.indisvalid and i.indisready, 'immediate', i.indimmediate,
          'partial', i.indpred is not null,
          'nulls_not_distinct', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)))
          || jsonb_build_object('columns', (
            select jsonb_agg(a.attname order by p.place)
            from unnest(i.indkey) with ordinality as p (number, place)
            left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = p.number
            where p.place <= i.indnkeyatts)) order by c.relname) as list
        from relations as r
        join pg_catalog.pg_index as i on i.indrelid = r.oid
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        left join pg_catalog.pg_constraint as k
          on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
        group by i.indrelid
      ), constraints as (
        select k.conrelid,
          jsonb_agg(jsonb_build_object(
            'name', k.conname, 'schema', n.nspname, 'table', c.relname,
            'columns', (
              select jsonb_agg(a.attname order by p.place)
              from unnest(k.conkey) with ordinality as p (number, place)
              join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = p.number),
            'to', (
              select jsonb_agg(a.attname order by p.place)
              from unnest(k.confkey) with ordinality as p (number, place)
              join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = p.number),
            'deferrable', k.condeferrable) order by k.conname)
            filter (where k.contype = 'f') as foreign_keys,
          jsonb_agg(jsonb_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid))
            order by k.conname) filter (where k.contype = 'c') as checks
        from relations as r
        join pg_catalog.pg_constraint as k
          on k.conrelid = r.oid and k.contype in ('f', 'c') and (k.contype = 'c' or k.conparentid = 0)
        left join pg_catalog.pg_class as c on c.oid = k.confrelid
        left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        group by k.conrelid
      ), triggers as (
        select t.tgrelid, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
          'name', t.tgname, 'function', format('%I.%I', n.nspname, p.proname),
          'enabled', t.tgenabled, 'row', t.tgtype & 1 <> 0, 'before', t.tgtype & 2 <> 0,
          'events', to_jsonb(array_remove(array[
            case when t.tgtype & 4 <> 0 then 'insert' end, case when t.tgtype & 8 <> 0 then 'delete' end,
            case when t.tgtype & 16 <> 0 then 'update' end,
            case when t.tgtype & 32 <> 0 then 'truncate' end], null)),
          'assigns', (
            select jsonb_agg(a.attname) from pg_catalog.pg_attribute as a
            where a.attrelid = t.tgrelid and a.attnum > 0 and not a.attisdropped
              and case
                -- These have the column as their first argument; the arguments end in a zero byte each.
                when p.proname in ('moddatetime', 'tsvector_update_trigger', 'tsvector_update_trigger_column')
                then encode(t.tgargs, 'hex') like encode(convert_to(a.attname, getdatabaseencoding()), 'hex') || '00%'
                else p.prosrc ~* ('\mnew\s*\.\s*"?'
                  || regexp_replace(a.attname, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*:?=(?!=)')
              end),
          'ours', n.nspname = 'public' and p.proname in (TRIGGER_FUNCTIONS, 'sync_stamp_heartbeat')))
          order by t.tgname) as list
        from relations as r
        join pg_catalog.pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
        join pg_catalog.pg_proc as p on p.oid = t.tgfoid
        join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        group by t.tgrelid
      )
      select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'schema', r.nspname, 'name', r.relname,
        'kind', case r.relkind when 'r' then 'table' when 'p' then 'partitioned' when 'v' then 'view'
          when 'm' then 'materialized' else 'foreign' end,
        'partition_of', case when r.relispartition then (
          select format('%I.%I', pn.nspname, pc.relname)
          from pg_catalog.pg_inherits as h
          join pg_catalog.pg_class as pc on pc.oid = h.inhparent
          join pg_catalog.pg_namespace as pn on pn.oid = pc.relnamespace
          where h.inhrelid = r.oid) end,
        'unlogged', r.relpersistence = 'u',
        'row_security', r.relrowsecurity, 'row_security_forced', r.relforcerowsecurity,
        'replica_identity', case r.relreplident when 'd' then 'default' when 'f' then 'full'
          when 'n' then 'nothing' else 'index' end,
        'identified', not exists (
          select from (select r.oid union select l.leaf from leaves as l where l.root = r.oid) as p (relid)
          join pg_catalog.pg_class as c on c.oid = p.relid
          where not case
            when c.relkind = 'p' or c.relreplident = 'd' then exists (
              select from pg_catalog.pg_index as i
              where i.indrelid = p.relid and i.indisprimary and i.indisvalid and i.indimmediate)
            when c.relreplident = 'i' then exists (
              select from pg_catalog.pg_index as i
              where i.indrelid = p.relid and i.indisreplident and i.indisvalid and i.indimmediate)
            else c.relreplident = 'f'
          end),
        'published', exists (select from leaves as l where l.root = r.oid) and not exists (
          select from leaves as l
          where l.root = r.oid and l.leaf not in (select p.oid from published as p)),
        'published_columns', (select p.attnames from published as p where p.oid = r.oid),
        'row_filter', (select p.rowfilter from published as p where p.oid = r.oid),
        'rows', r.reltuples::bigint,
        'bytes', (select sum(pg_relation_size(l.leaf)) from leaves as l where l.root = r.oid),
        'privileges', (
          select jsonb_agg(lower(p.name)) from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as p (name)
          where has_schema_privilege(r.caller, r.relnamespace, 'usage')
            and has_table_privilege(r.caller, r.oid, p.name)),
        'rules', (
          select jsonb_agg(w.rulename) from pg_catalog.pg_rewrite as w
          where w.ev_class = r.oid and w.rulename <> '_RETURN' and w.ev_enabled in ('O', 'A')))
        || jsonb_build_object('columns', columns.list, 'indexes', indexes.list,
          'foreign_keys', constraints.foreign_keys, 'checks', constraints.checks,
          'triggers', triggers.list)) order by r.nspname, r.relname), '[]')
      from relations as r
      left join columns on columns.attrelid = r.oid
      left join indexes on indexes.indrelid = r.oid
      left join constraints on constraints.conrelid = r.oid
      left join triggers on triggers.tgrelid = r.oid
    $sync$;

    """#
    .replacing("TRIGGER_FUNCTIONS", with: triggerFunctionNames)
}
