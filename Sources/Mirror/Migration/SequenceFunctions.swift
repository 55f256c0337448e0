extension Migration {
  /// Rows carry the numbers that sequences gave out, not the sequences: a target that takes over would give out the same
  /// numbers again.
  static let sequenceFunctions = #"""
    -- The sequences of the mirrored tables, by the columns that take numbers from them: those that a column
    -- owns (serial, identity) and those that its default calls. A partition's stand under the name of the
    -- partitioned table. Not to be found: what a trigger, or a function in a default, calls.
    create or replace function public.sync_sequence_uses()
    returns table (sequence oid, schema_name text, table_name text, column_name text)
    language sql stable security definer set search_path = '' set jit = off as $sync$
      with registered as (
        select pg_catalog.to_regclass(pg_catalog.format('%I.%I', s.schema_name, s.table_name))::oid
          as root
        from public.sync_tables as s
      ), members as (
        select r.root, r.root as relation from registered as r
        union
        select r.root, t.relid::oid
        from registered as r, pg_catalog.pg_partition_tree(r.root) as t
      ), defaults as (
        select m.root, m.relation, a.oid, a.adnum,
          pg_catalog.pg_get_expr(a.adbin, a.adrelid) as expression
        from members as m
        join pg_catalog.pg_attrdef as a on a.adrelid = m.relation
      ), uses as (
        select m.root, m.relation, d.refobjsubid as number, d.objid as sequence
        from members as m
        join pg_catalog.pg_depend as d
          on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = m.relation
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and d.refobjsubid > 0 and d.deptype in ('a', 'i')
        union
        select f.root, f.relation, f.adnum, d.refobjid
        from defaults as f
        join pg_catalog.pg_depend as d
          on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        union
        -- nextval('name'::text) is looked up whenever it is called, so nothing depends on the sequence.
        select f.root, f.relation, f.adnum, coalesce(
          pg_catalog.to_regclass(pg_catalog.replace(n.name[1], '''''', '''')),
          pg_catalog.to_regclass(pg_catalog.format(
            '%I.%s', s.nspname, pg_catalog.replace(n.name[1], '''''', ''''))),
          pg_catalog.to_regclass('public.' || pg_catalog.replace(n.name[1], '''''', '''')))::oid
        from defaults as f
        join pg_catalog.pg_class as c on c.oid = f.relation
        join pg_catalog.pg_namespace as s on s.oid = c.relnamespace,
          pg_catalog.regexp_matches(
            f.expression, $re$nextval\(\('((?:[^']|'')+)'::text\)::regclass\)$re$, 'g') as n (name)
      )
      select distinct u.sequence, n.nspname::text, c.relname::text, a.attname::text
      from uses as u
      join pg_catalog.pg_sequence as s on s.seqrelid = u.sequence
      join pg_catalog.pg_class as c on c.oid = u.root
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute as a on a.attrelid = u.relation and a.attnum = u.number
    $sync$;

    -- How far each of them is, once for each column: [{schema, name, table_schema, table, column, type,
    -- last_value, is_called, increment, minimum, maximum, cycles, cache}, …]. One value, as servers cut rows.
    -- last_value is null where the owner of this function may not read the sequence.
    create or replace function public.sync_sequences() returns jsonb
    language plpgsql volatile security definer set search_path = '' as $sync$
    declare
      found_use record;
      last bigint;
      called boolean;
      answer jsonb := '[]';
    begin
      for found_use in
        select u.*, n.nspname, c.relname, s.*
        from public.sync_sequence_uses() as u
        join pg_catalog.pg_class as c on c.oid = u.sequence
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        join pg_catalog.pg_sequence as s on s.seqrelid = u.sequence
        order by n.nspname, c.relname, u.schema_name, u.table_name, u.column_name
      loop
        last := null;
        called := null;
        if pg_catalog.has_sequence_privilege(found_use.sequence, 'select') then
          execute pg_catalog.format(
            'select s.last_value, s.is_called from %s as s', found_use.sequence::pg_catalog.regclass)
            into last, called;
        end if;
        answer := answer || pg_catalog.jsonb_build_object(
          'schema', found_use.nspname, 'name', found_use.relname,
          'table_schema', found_use.schema_name, 'table', found_use.table_name,
          'column', found_use.column_name,
          'type', pg_catalog.format_type(found_use.seqtypid, null),
          'last_value', last, 'is_called', called, 'increment', found_use.seqincrement,
          'minimum', found_use.seqmin, 'maximum', found_use.seqmax, 'cycles', found_use.seqcycle,
          'cache', found_use.seqcache);
      end loop;
      return answer;
    end
    $sync$;

    -- Raises the sequences of columns until they have given out at least `value`; lowers none. For a negative
    -- increment the other way round. A sequence keeps to its own steps: one of odd numbers stays one.
    --
    -- wanted: [{schema, table, column, value}, …]. Answers, for each sequence of each column, [{schema, table,
    -- column, sequence, was, is, problem}, …]: the last number given out, or the one before the first.
    -- A column of which no sequence is known answers with a null sequence.
    create or replace function public.sync_raise_sequences(wanted jsonb) returns jsonb
    language plpgsql volatile security definer
    -- Shorter than deadlock_timeout: who waits here gives way before anybody else is made to.
    set search_path = '' set lock_timeout = '500ms' as $sync$
    declare
      entry record;
      last bigint;
      called boolean;
      was numeric;
      reached numeric;
      problem text;
      answer jsonb := '[]';
    begin
      for entry in
        select w.*, u.sequence, s.*, c.relowner
        from pg_catalog.jsonb_to_recordset(wanted)
          as w ("schema" text, "table" text, "column" text, value numeric)
        left join public.sync_sequence_uses() as u
          on u.schema_name = w."schema" and u.table_name = w."table" and u.column_name = w."column"
        left join pg_catalog.pg_sequence as s on s.seqrelid = u.sequence
        left join pg_catalog.pg_class as c on c.oid = u.sequence
        order by u.sequence, w."schema", w."table", w."column"
      loop
        was := null;
        reached := null;
        problem := null;
        if entry.sequence is not null then
          begin
            begin
              -- Between reading and setting nobody may take numbers, or they would be given out twice.
              -- LOCK does not take sequences; this, which changes nothing, does lock one.
              execute pg_catalog.format('alter sequence %s owner to %I',
                entry.sequence::pg_catalog.regclass, pg_catalog.pg_get_userbyid(entry.relowner));
            exception when insufficient_privilege then
              -- Not its owner. Who may use it may still set it.
              null;
            end;
            execute pg_catalog.format(
              'select s.last_value, s.is_called from %s as s', entry.sequence::pg_catalog.regclass)
              into last, called;
            was := last::numeric - case when called then 0 else entry.seqincrement end;
            reached := was;
            -- Beyond its last number it cannot go, and what lies before its first one it never gives out.
            if entry.value > entry.seqmax and entry.seqincrement > 0
              or entry.value < entry.seqmin and entry.seqincrement < 0
            then
              problem := pg_catalog.format('it cannot give out %s: it goes from %s to %s',
                entry.value, entry.seqmin, entry.seqmax);
            elsif entry.value between entry.seqmin and entry.seqmax
              and (entry.value - was) * entry.seqincrement > 0
            then
              reached := greatest(entry.seqmin, least(entry.seqmax,
                was + entry.seqincrement
                  * pg_catalog.ceil((entry.value - was) / entry.seqincrement)));
              perform pg_catalog.setval(entry.sequence, reached::bigint, true);
            end if;
          exception
            when lock_not_available then
              problem := 'a transaction that has taken numbers from it is still open';
              reached := was;
            when insufficient_privilege then
              problem := 'the owner of sync_raise_sequences may not set it';
              reached := was;
          end;
        end if;
        answer := answer || pg_catalog.jsonb_build_object(
          'schema', entry."schema", 'table', entry."table", 'column', entry."column",
          'sequence', entry.sequence::pg_catalog.regclass::text,
          'was', was, 'is', reached, 'problem', problem);
      end loop;
      return answer;
    end
    $sync$;

    -- Triggers of the mirrored tables that are switched off: [{schema, table, name, is_internal}, …]. Those of
    -- constraints are internal.
    create or replace function public.sync_disabled_triggers() returns jsonb
    language sql stable security definer set search_path = '' set jit = off as $sync$
      with registered as (
        select pg_catalog.to_regclass(pg_catalog.format('%I.%I', s.schema_name, s.table_name))::oid
          as root
        from public.sync_tables as s
      ), members as (
        select r.root as relation from registered as r
        union
        select t.relid::oid from registered as r, pg_catalog.pg_partition_tree(r.root) as t
      )
      select coalesce(
        pg_catalog.jsonb_agg(
          pg_catalog.jsonb_build_object(
            'schema', n.nspname, 'table', c.relname, 'name', t.tgname, 'is_internal', t.tgisinternal)
          order by n.nspname, c.relname, t.tgname),
        '[]')
      from members as m
      join pg_catalog.pg_trigger as t on t.tgrelid = m.relation
      join pg_catalog.pg_class as c on c.oid = t.tgrelid
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where t.tgenabled = 'D'
    $sync$;

    """#
}
