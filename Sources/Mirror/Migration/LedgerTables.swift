extension Migration {
  /// The two tables. Nobody but `service_role` reads them; they are written by functions only.
  static let ledgerTables = """
    -- The ledger: keys to look at again.
    create table if not exists public.sync_deletions (
      id bigint generated always as identity primary key,
      schema_name text not null,
      table_name text not null,
      -- {"column": value} for each key column; null for truncate.
      primary_key jsonb,
      operation text not null check (operation in ('delete', 'truncate', 'rekey')),
      occurred_at timestamptz not null default now(),
      -- The mirror that made the change; null: it was made in this database.
      origin text,
      -- Names of the mirrors that have dealt with the entry. A mirror reads what it has not marked, never
      -- "ids above the last one": ids become visible out of order.
      processed_by text[] not null default '{}',
      -- Set when every registered mirror has dealt with the entry.
      processed_at timestamptz,
      check ((primary_key is null) = (operation = 'truncate'))
    );
    create index if not exists sync_deletions_pending
      on public.sync_deletions (id) where processed_at is null;

    -- The mirrors that an entry is kept for.
    create table if not exists public.sync_mirrors (
      name text primary key check (name <> ''),
      registered_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now()
    );

    comment on table public.sync_deletions is
      'Supamirror: keys of deleted and re-keyed rows, for the mirrors to look at again.';
    comment on table public.sync_mirrors is
      'Supamirror: mirrors that read public.sync_deletions; entries are kept until each has them.';

    -- Row level security without a policy, and no privilege: not even reading for anon and authenticated.
    alter table public.sync_deletions enable row level security;
    alter table public.sync_mirrors enable row level security;
    revoke all on table public.sync_deletions, public.sync_mirrors
      from public, anon, authenticated, service_role;
    revoke all on sequence public.sync_deletions_id_seq
      from public, anon, authenticated, service_role;
    grant select on table public.sync_deletions, public.sync_mirrors to service_role;

    """

  /// Everything out again, in the order of dependence.
  static let removal = """
    do $sync$
    declare
      installed record;
    begin
      for installed in
        select t.tgname, t.tgrelid::regclass as relation
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as p on p.oid = t.tgfoid
        where p.pronamespace = 'public'::regnamespace
          and p.proname in (\(triggerFunctionNames))
          and not t.tgisinternal and t.tgparentid = 0
      loop
        execute pg_catalog.format('drop trigger %I on %s', installed.tgname, installed.relation);
      end loop;
    end
    $sync$;

    drop function if exists public.sync_log_deleted_rows();
    drop function if exists public.sync_log_deleted_row();
    drop function if exists public.sync_log_rekeyed_row();
    drop function if exists public.sync_log_truncate();
    drop function if exists public.sync_is_mirror_write();
    drop function if exists public.sync_key_expression(oid, text[], text);
    drop function if exists public.sync_key_of_row(oid, text[], jsonb);
    drop function if exists public.sync_logged_relation(oid, name);
    drop function if exists public.sync_register_mirror(text);
    drop function if exists public.sync_forget_mirror(text);
    drop function if exists public.sync_mark_processed(text, bigint[]);
    drop function if exists public.sync_prune_deletions(interval);
    drop function if exists public.sync_horizon();
    drop function if exists public.sync_ledger_tables();
    drop function if exists public.sync_feed_tables();
    drop function if exists public.sync_catalogue(text[]);
    drop function if exists public.sync_catalogue_tables(text[]);
    drop function if exists public.sync_version();
    drop function if exists
      public.sync_digest_parts(text, text, text[], text[], jsonb, bigint, bigint);
    drop function if exists public.sync_digest_sums(text, text, text[], text[], jsonb);
    drop function if exists public.sync_digest_rows(text, text, text[], text[], jsonb);
    drop function if exists public.sync_digest_form();
    drop function if exists public.sync_digest_query(text, text, text, text);
    drop function if exists public.sync_digest_terms(text, text, text[], text[]);
    drop table if exists public.sync_tables;
    drop function if exists public.sync_raise_sequences(jsonb);
    drop function if exists public.sync_sequences();
    drop function if exists public.sync_sequence_uses();
    drop function if exists public.sync_disabled_triggers();
    drop table if exists public.sync_deletions;
    drop table if exists public.sync_mirrors;
    drop table if exists public.sync_heartbeat;
    drop function if exists public.sync_stamp_heartbeat();

    """

  /// The functions behind the triggers, as a list of SQL literals. A trigger is ours when it calls one of them.
  static let triggerFunctionNames =
    "'sync_log_deleted_rows', 'sync_log_deleted_row', 'sync_log_rekeyed_row', 'sync_log_truncate'"
}
