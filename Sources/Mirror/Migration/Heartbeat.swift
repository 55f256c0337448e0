extension Migration {
  /// The marker row: a mirror writes one row of its own at the source, again and again, and expects it back through
  /// the feed and on the target.
  static let heartbeat = """
    -- The marker rows, one a mirror. A mirror writes (mirror, beat) at the source, and waits for that beat to
    -- come back through the feed of changes: nothing else proves that changes flow.
    create table if not exists public.sync_heartbeat (
      mirror text primary key check (mirror <> ''),
      -- Grows with every beat of this mirror.
      beat bigint not null,
      -- When this beat was written, by the clock of the database that it was written in first.
      written_at timestamptz not null default now()
    );
    comment on table public.sync_heartbeat is
      'Supamirror: a row for each mirror, written over and over to prove that changes flow.';

    alter table public.sync_heartbeat enable row level security;
    revoke all on table public.sync_heartbeat from public, anon, authenticated, service_role;
    grant select, insert, update on table public.sync_heartbeat to service_role;

    -- Stamps a new beat that brings no time of its own. A copy, on the target, does: it keeps the source's,
    -- and so does the same copy written twice, as its beat is not new.
    create or replace function public.sync_stamp_heartbeat() returns trigger
    language plpgsql security definer set search_path = '' as $sync$
    begin
      if new.written_at is null
        or tg_op = 'UPDATE'
          and new.beat is distinct from old.beat
          and new.written_at is not distinct from old.written_at
      then
        new.written_at := pg_catalog.clock_timestamp();
      end if;
      return new;
    end
    $sync$;
    create or replace trigger sync_stamp_heartbeat before insert or update on public.sync_heartbeat
      for each row execute function public.sync_stamp_heartbeat();

    """
}
