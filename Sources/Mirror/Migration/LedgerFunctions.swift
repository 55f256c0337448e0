extension Migration {
  /// Registering, marking, pruning. Each locks `sync_mirrors` before any entry, so that none waits for another
  /// in a circle, and `processed_at` always means "every registered mirror".
  static let mirrorFunctions = #"""
    -- A mirror says that it is there. Entries are kept until it has them, from its first call on. Answers
    -- when that was: a mirror whose state is older was forgotten meanwhile, and may have missed entries.
    create or replace function public.sync_register_mirror(mirror text) returns timestamptz
    language plpgsql security definer set search_path = '' as $sync$
    declare
      since timestamptz;
    begin
      if mirror is null or mirror = '' then
        raise exception 'a mirror needs a name' using errcode = '22023';
      end if;
      update public.sync_mirrors as m set last_seen_at = pg_catalog.clock_timestamp()
      where m.name = mirror
      returning m.registered_at into since;
      if found then
        return since;
      end if;
      insert into public.sync_mirrors (name) values (mirror) on conflict (name) do nothing;
      update public.sync_deletions as d set processed_at = null
      where d.processed_at is not null and mirror <> all (d.processed_by);
      select m.registered_at into since from public.sync_mirrors as m where m.name = mirror;
      return since;
    end
    $sync$;

    -- A mirror that will not come back: entries are no longer kept for it. False: there was none of that name.
    create or replace function public.sync_forget_mirror(mirror text) returns boolean
    language plpgsql security definer set search_path = '' as $sync$
    declare
      known boolean;
    begin
      delete from public.sync_mirrors as m where m.name = mirror;
      known := found;
      delete from public.sync_heartbeat as h where h.mirror = sync_forget_mirror.mirror;
      update public.sync_deletions as d set processed_at = pg_catalog.clock_timestamp()
      where known and d.processed_at is null
        and exists (select from public.sync_mirrors)
        and not exists (
          select from public.sync_mirrors as m where m.name <> all (d.processed_by));
      return known;
    end
    $sync$;

    -- A mirror has dealt with these entries. Answers how many it had not marked before.
    create or replace function public.sync_mark_processed(mirror text, ids bigint[]) returns integer
    language plpgsql security definer set search_path = '' as $sync$
    declare
      marked integer;
    begin
      lock table public.sync_mirrors in share mode;
      perform from public.sync_mirrors as m where m.name = mirror;
      if not found then
        raise exception 'mirror "%" is not registered', mirror
          using errcode = '22023', hint = 'Call sync_register_mirror first.';
      end if;
      -- In the order of ids, so that two mirrors that mark the same entries wait, and do not deadlock.
      perform from public.sync_deletions as d where d.id = any (ids) order by d.id for update;
      update public.sync_deletions as d set
        processed_by = d.processed_by || mirror,
        processed_at = case
          when not exists (
            select from public.sync_mirrors as m
            where m.name <> all (d.processed_by || mirror))
          then pg_catalog.clock_timestamp()
        end
      where d.id = any (ids) and mirror <> all (d.processed_by);
      get diagnostics marked = row_count;
      return marked;
    end
    $sync$;

    -- Removes entries that are older than `keep` and that every registered mirror has dealt with. Where no
    -- mirror is registered nothing is removed. Answers how many were.
    create or replace function public.sync_prune_deletions(keep interval default '7 days')
    returns bigint
    language plpgsql security definer set search_path = '' as $sync$
    declare
      pruned bigint;
    begin
      lock table public.sync_mirrors in share mode;
      delete from public.sync_deletions as d
      where d.processed_at is not null
        and d.occurred_at < pg_catalog.clock_timestamp() - keep
        and exists (select from public.sync_mirrors)
        and not exists (
          select from public.sync_mirrors as m where m.name <> all (d.processed_by));
      get diagnostics pruned = row_count;
      return pruned;
    end
    $sync$;

    """#

  /// The horizon: no row stamped earlier can still appear.
  static let horizonFunction = #"""
    -- The start of the oldest transaction that still runs in this database. A transaction stamps its rows
    -- with its start, now(), and shows them at its end; so a mirror that has read all rows before the
    -- horizon will not find new ones there. Null: this function's owner may not see other roles'
    -- transactions (it needs pg_read_all_stats), or they are not tracked.
    create or replace function public.sync_horizon() returns timestamptz
    language plpgsql volatile security definer set search_path = '' as $sync$
    declare
      -- Taken before looking, or a transaction that starts in between would be older than the answer.
      horizon timestamptz := pg_catalog.clock_timestamp();
      oldest timestamptz;
      untracked boolean;
    begin
      if not pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage') then
        return null;
      end if;
      -- Every process of this database but those that never write rows.
      select pg_catalog.min(a.xact_start),
        coalesce(pg_catalog.bool_or(a.state = 'disabled'), false)
      into oldest, untracked
      from pg_catalog.pg_stat_activity as a
      where a.datname = pg_catalog.current_database()
        and a.backend_type not in ('autovacuum worker', 'walsender');
      if untracked then
        return null;
      end if;
      horizon := least(horizon, oldest);
      -- A prepared transaction tells when it was prepared, not when it began.
      select pg_catalog.min(x.prepared) - interval '1 hour' into oldest
      from pg_catalog.pg_prepared_xacts as x
      where x.database = pg_catalog.current_database();
      -- A transaction has its now() a moment before the others can see that it runs.
      return least(horizon, oldest) - interval '5 seconds';
    end
    $sync$;

    """#

  /// What is installed.
  static let surveyFunctions = #"""
    -- Tables with triggers of ours, and whether all of them are there and enabled, so that a mirror can say
    -- which tables' deletes it does not learn of. Not logged by any trigger, and not part of `complete`:
    -- truncating, detaching or dropping a single partition.
    create or replace function public.sync_ledger_tables()
    returns table (schema_name text, table_name text, complete boolean, key_columns text[])
    language sql stable security definer set search_path = '' as $sync$
      with installed as (
        select t.tgrelid, t.tgname, t.tgargs, p.proname,
          t.tgenabled in ('O', 'A') and not exists (
            select from pg_catalog.pg_partition_tree(t.tgrelid) as part
            join pg_catalog.pg_trigger as clone
              on clone.tgrelid = part.relid and clone.tgfoid = t.tgfoid
            where clone.tgenabled not in ('O', 'A')
          ) as enabled
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as p on p.oid = t.tgfoid
        where p.pronamespace = 'public'::pg_catalog.regnamespace
          and p.proname in (TRIGGER_FUNCTIONS)
          and not t.tgisinternal and t.tgparentid = 0
      ), tables as (
        select i.tgrelid,
          pg_catalog.bool_or(i.enabled and i.proname like 'sync_log_deleted_row%')
            and pg_catalog.bool_or(i.enabled and i.proname = 'sync_log_rekeyed_row')
            and pg_catalog.bool_or(i.enabled and i.proname = 'sync_log_truncate')
            as has_all,
          pg_catalog.bool_or(i.proname = 'sync_log_deleted_rows') as by_statement,
          -- The arguments are texts that each end in a zero byte.
          (pg_catalog.array_agg(pg_catalog.string_to_array(
            pg_catalog.regexp_replace(pg_catalog.encode(i.tgargs, 'hex'), '(..)', '\1 ', 'g'), '00 '))
            filter (where i.proname = 'sync_log_rekeyed_row')) as arguments
        from installed as i
        group by i.tgrelid
      )
      select n.nspname::text, c.relname::text,
        -- A statement trigger misses what is deleted through a table that came to inherit from this one,
        -- or that this one came to inherit from.
        t.has_all and not (t.by_statement and exists (
          select from pg_catalog.pg_inherits as h where t.tgrelid in (h.inhparent, h.inhrelid))),
        (
          select pg_catalog.array_agg(pg_catalog.convert_from(
            pg_catalog.decode(a.hex, 'hex'), pg_catalog.getdatabaseencoding()) order by a.position)
          from pg_catalog.unnest(t.arguments) with ordinality as a (hex, position)
          where a.hex <> ''
        )
      from tables as t
      join pg_catalog.pg_class as c on c.oid = t.tgrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      order by 1, 2
    $sync$;

    -- Which version of this migration is installed.
    create or replace function public.sync_version() returns integer
    language sql immutable security definer set search_path = '' as $sync$ select VERSION $sync$;

    """#
    .replacing("TRIGGER_FUNCTIONS", with: triggerFunctionNames)
    .replacing("VERSION", with: "\(version)")

  /// Only `service_role` calls what a mirror needs; nobody calls the rest.
  static let functionPrivileges = """
    -- Functions are open to everybody unless that is taken back.
    revoke all on function
      public.sync_log_deleted_rows(), public.sync_log_deleted_row(), public.sync_log_rekeyed_row(),
      public.sync_log_truncate(), public.sync_is_mirror_write(),
      public.sync_key_expression(oid, text[], text), public.sync_key_of_row(oid, text[], jsonb),
      public.sync_logged_relation(oid, name),
      public.sync_register_mirror(text), public.sync_forget_mirror(text),
      public.sync_mark_processed(text, bigint[]), public.sync_prune_deletions(interval),
      public.sync_horizon(), public.sync_ledger_tables(), public.sync_version(),
      public.sync_feed_tables(), public.sync_stamp_heartbeat(),
      public.sync_digest_terms(text, text, text[], text[]),
      public.sync_digest_query(text, text, text, text),
      public.sync_digest_parts(text, text, text[], text[], jsonb, bigint, bigint),
      public.sync_digest_sums(text, text, text[], text[], jsonb),
      public.sync_digest_rows(text, text, text[], text[], jsonb), public.sync_digest_form(),
      public.sync_sequence_uses(),
      public.sync_sequences(), public.sync_raise_sequences(jsonb), public.sync_disabled_triggers(),
      public.sync_catalogue(text[]), public.sync_catalogue_tables(text[])
      from public, anon, authenticated, service_role;
    grant execute on function
      public.sync_register_mirror(text), public.sync_forget_mirror(text),
      public.sync_mark_processed(text, bigint[]), public.sync_prune_deletions(interval),
      public.sync_horizon(), public.sync_ledger_tables(), public.sync_version(),
      public.sync_feed_tables(),
      public.sync_digest_parts(text, text, text[], text[], jsonb, bigint, bigint),
      public.sync_digest_sums(text, text, text[], text[], jsonb),
      public.sync_digest_rows(text, text, text[], text[], jsonb), public.sync_digest_form(),
      public.sync_sequences(), public.sync_raise_sequences(jsonb),
      public.sync_disabled_triggers(), public.sync_catalogue(text[])
      to service_role;

    """
}
