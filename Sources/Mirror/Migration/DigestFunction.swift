extension Migration {
  /// Digests of ranges of keys, so that two tables can be compared without their rows leaving the databases.
  ///
  /// A row's digest is the hash of its columns as one record, so neither a NULL nor a column's end can be mistaken,
  /// and then the hash of that hash: sums of plain record hashes stay the same where two rows swap a column's
  /// values. Sums, because an exclusive or would let a pair of equal changes cancel. Texts are hashed under collation
  /// "C" (others may call two texts equal), numbers and times by what PostgreSQL sends for them in binary, which
  /// has every digit; all else by its text.
  ///
  /// A range has the keys above its lower bound, up to its upper one, by the order that the key's index has. Should
  /// the two databases order texts otherwise, a row is found to differ that does not; never the other way round:
  /// ranges that begin where the one before ends, the ends open, hold every row under any total order.
  static let digestFunctions =
    digestTerms + digestParts + digestSums + digestRows
    + digestForm.replacing("SETTINGS", with: digestSettings)

  /// What could change a value's text, and what would make many small scans slow.
  private static let digestSettings = """
    set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres'
    set bytea_output = 'hex' set extra_float_digits = 1 set lc_monetary = 'C'
    set jit = off set max_parallel_workers_per_gather = 0
    """

  private static let digestTerms = #"""
    -- Of a registered table: its key, a row's digest, and conditions on the key for the bounds in p.
    create or replace function public.sync_digest_terms(
      schema_name text, table_name text, key_columns text[], columns text[],
      out relation text, out keys text, out key_json text, out digest text,
      out is_above text, out is_up_to text, out is_equal text
    )
    language plpgsql stable set search_path = '' as $sync$
    declare
      id oid;
      missing text;
      bound text;
    begin
      if not exists (
        select from public.sync_tables as t
        where t.schema_name = sync_digest_terms.schema_name
          and t.table_name = sync_digest_terms.table_name
      ) then
        raise exception '%.% is not a registered table', schema_name, table_name
          using errcode = '42501',
          hint = 'Name it in tables.config.json and apply the output of "supamirror migration" again.';
      end if;
      relation := pg_catalog.format('%I.%I', schema_name, table_name);
      id := pg_catalog.to_regclass(relation);
      select pg_catalog.string_agg(c.name, ', ') into missing
      from pg_catalog.unnest(key_columns || columns) as c (name)
      where not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = id and a.attname::text = c.name and a.attnum > 0 and not a.attisdropped);
      if missing is not null or coalesce(pg_catalog.cardinality(key_columns), 0) = 0 then
        raise exception '% has no column %', relation, missing using errcode = '42703';
      end if;

      select pg_catalog.string_agg(pg_catalog.format('t.%I', k.name), ', ' order by k.position),
        pg_catalog.string_agg(
          pg_catalog.format('pg_catalog.to_jsonb(t.%I)', k.name), ', ' order by k.position),
        -- Without the type's length: a bound must not be cut.
        pg_catalog.string_agg(
          pg_catalog.format(
            '(p.BOUND ->> %s)::%s', k.position - 1, pg_catalog.format_type(a.atttypid, -1)),
          ', ' order by k.position)
      into keys, key_json, bound
      from pg_catalog.unnest(key_columns) with ordinality as k (name, position)
      join pg_catalog.pg_attribute as a on a.attrelid = id and a.attname::text = k.name;
      key_json := pg_catalog.format('pg_catalog.jsonb_build_array(%s)', key_json);
      is_above := pg_catalog.format(
        '(%s) > (%s)', keys, pg_catalog.replace(bound, 'p.BOUND', 'p.lower_key'));
      is_up_to := pg_catalog.format(
        '(%s) <= (%s)', keys, pg_catalog.replace(bound, 'p.BOUND', 'p.upper_key'));
      is_equal := pg_catalog.format(
        '(%s) = (%s)', keys, pg_catalog.replace(bound, 'p.BOUND', 'row_key'));

      with recursive hashed as (
        select c.name, c.position, a.atttypid as type
        from pg_catalog.unnest(
          key_columns || array(
            select x.name from pg_catalog.unnest(columns) with ordinality as x (name, position)
            where x.name <> all (key_columns) order by x.position)
        ) with ordinality as c (name, position)
        join pg_catalog.pg_attribute as a on a.attrelid = id and a.attname::text = c.name
        union all
        -- A domain is what it is made of.
        select h.name, h.position, d.typbasetype
        from hashed as h join pg_catalog.pg_type as d on d.oid = h.type and d.typtype = 'd'
      )
      select pg_catalog.string_agg(
        case
          when b.typname in ('bool', 'uuid', 'bytea') and b.typnamespace = 11
          then pg_catalog.format('t.%I::pg_catalog.%I', h.name, b.typname)
          when b.typnamespace = 11 and b.typname in (
            'int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'date', 'time', 'timestamp',
            'timestamptz')
          then pg_catalog.format('%s(t.%I)', b.typsend, h.name)
          else pg_catalog.format('t.%I::text collate "C"', h.name)
        end, ', ' order by h.position)
      into digest
      from hashed as h join pg_catalog.pg_type as b on b.oid = h.type
      where b.typtype <> 'd';
      digest := pg_catalog.format(
        'pg_catalog.hashtextextended('
          'pg_catalog.hash_record_extended(row(%s), 0)::text collate "C", 0)', digest);
    end
    $sync$;

    -- A query over `ranges as p`, for each of them one row of the query that `head` begins and `tail` ends, around
    -- the range's condition. Open ends have queries of their own, or no index would be used.
    create or replace function public.sync_digest_query(
      head text, tail text, is_above text, is_up_to text
    ) returns text
    language sql immutable set search_path = '' as $sync$
      select pg_catalog.string_agg(
        pg_catalog.format(
          'select p.position, found.* from ranges as p cross join lateral (%s) as found'
            ' where p.lower_key is %s null and p.upper_key is %s null',
          head || c.condition || tail, c.lower_is, c.upper_is),
        ' union all ')
      from (values
        (is_above || ' and ' || is_up_to, 'not', 'not'), (is_above, 'not', ''),
        (is_up_to, '', 'not'), ('true', '', '')
      ) as c (condition, lower_is, upper_is)
    $sync$;

    """#

  private static let digestParts = #"""
    -- Cuts ranges of keys into parts of `part_rows` rows each, and digests them. `ranges` is [[lower, upper], …]; a
    -- bound is a key, as an array of JSON values, or null for an open end. The answer has for each range
    -- [[upper, rows, sum], …] in the order of keys; only the last part may have fewer rows, and its `upper` is
    -- null then. Of each range at most `most_rows` rows are looked at, a multiple of `part_rows`: where as many
    -- came, the range goes on.
    create or replace function public.sync_digest_parts(
      schema_name text, table_name text, key_columns text[], columns text[], ranges jsonb,
      part_rows bigint, most_rows bigint
    ) returns jsonb
    language plpgsql stable security definer
    SETTINGS
    as $sync$
    declare
      term record;
      answer jsonb;
    begin
      select * into term
      from public.sync_digest_terms(schema_name, table_name, key_columns, columns);
      execute 'with ranges as materialized ('
          ' select r.position, nullif(r.value -> 0, ''null'') as lower_key,'
          ' nullif(r.value -> 1, ''null'') as upper_key'
          ' from pg_catalog.jsonb_array_elements($1) with ordinality as r (value, position))'
          ' select pg_catalog.jsonb_agg(answer.parts order by answer.position) from ('
        || public.sync_digest_query(
          'select coalesce(pg_catalog.jsonb_agg('
            ' pg_catalog.jsonb_build_array(part.upper_key::jsonb, part.rows, part.sum)'
            ' order by part.number), ''[]'') as parts from ('
            ' select (r.number - 1) / $2 as number, pg_catalog.min(r.upper_key) as upper_key,'
            ' pg_catalog.count(*) as rows, pg_catalog.sum(r.digest) as sum from ('
            ' select pg_catalog.row_number() over in_order as number, ' || term.digest || ' as digest,'
            ' case when pg_catalog.row_number() over in_order % $2 = 0'
            ' then (' || term.key_json || ')::text end as upper_key'
            ' from ' || term.relation || ' as t where ',
          ' window in_order as (order by ' || term.keys || ') order by ' || term.keys
            || ' limit $3) as r group by 1) as part',
          term.is_above, term.is_up_to)
        || ') as answer'
      into answer using ranges, part_rows, most_rows;
      return coalesce(answer, '[]');
    end
    $sync$;

    """#.replacing("SETTINGS", with: digestSettings)

  private static let digestSums = #"""
    -- Digests ranges that are given: `chains` is [[bound, bound, …], …], each bound the upper one of a range and the
    -- lower one of the next. The answer is [[rows, sum], …], a pair for each range.
    create or replace function public.sync_digest_sums(
      schema_name text, table_name text, key_columns text[], columns text[], chains jsonb
    ) returns jsonb
    language plpgsql stable security definer
    SETTINGS
    as $sync$
    declare
      term record;
      answer jsonb;
    begin
      select * into term
      from public.sync_digest_terms(schema_name, table_name, key_columns, columns);
      execute 'with ranges as materialized ('
          ' select * from ('
          ' select pg_catalog.row_number() over (order by c.position, b.position) as position,'
          ' b.position > 1 as is_upper, nullif(b.value, ''null'') as upper_key,'
          ' nullif(pg_catalog.lag(b.value) over (order by c.position, b.position), ''null'')'
          ' as lower_key'
          ' from pg_catalog.jsonb_array_elements($1) with ordinality as c (value, position),'
          ' pg_catalog.jsonb_array_elements(c.value) with ordinality as b (value, position)'
          ') as bound where bound.is_upper)'
          ' select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(answer.rows, answer.sum)'
          ' order by answer.position) from ('
        || public.sync_digest_query(
          'select pg_catalog.count(*) as rows, coalesce(pg_catalog.sum(' || term.digest || '), 0) as sum'
            ' from ' || term.relation || ' as t where ',
          '', term.is_above, term.is_up_to)
        || ') as answer'
      into answer using chains;
      return coalesce(answer, '[]');
    end
    $sync$;

    """#.replacing("SETTINGS", with: digestSettings)

  private static let digestRows = #"""
    -- Digests the rows of these keys, `row_keys` being [key, …]: [[rows, sum], …], 0 rows where there is none.
    create or replace function public.sync_digest_rows(
      schema_name text, table_name text, key_columns text[], columns text[], row_keys jsonb
    ) returns jsonb
    language plpgsql stable security definer
    SETTINGS
    as $sync$
    declare
      term record;
      answer jsonb;
    begin
      select * into term
      from public.sync_digest_terms(schema_name, table_name, key_columns, columns);
      execute 'select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(found.rows, found.sum)'
          ' order by k.position)'
          ' from pg_catalog.jsonb_array_elements($1) with ordinality as k (row_key, position)'
          ' cross join lateral ('
          ' select pg_catalog.count(*) as rows, coalesce(pg_catalog.sum(' || term.digest || '), 0) as sum'
          ' from ' || term.relation || ' as t where ' || term.is_equal || ') as found'
      into answer using row_keys;
      return coalesce(answer, '[]');
    end
    $sync$;

    """#.replacing("SETTINGS", with: digestSettings)

  private static let digestForm = #"""
    -- How this server digests: two whose answers differ must not be compared by digests. Hashes could differ
    -- between versions and processors, though no two are known that do.
    create or replace function public.sync_digest_form() returns text
    language sql stable security definer
    SETTINGS
    as $sync$
      select '1 ' || pg_catalog.hashtextextended(
        pg_catalog.hash_record_extended(
          row(
            'Übung 1'::text collate "C", null::text, true,
            '0123456789abcdef0123456789abcdef'::uuid, '\x00ff'::bytea,
            pg_catalog.int2send('-2'::int2), pg_catalog.int4send(4), pg_catalog.int8send(-8),
            pg_catalog.float4send('0.1'::float4), pg_catalog.float8send('-0'::float8),
            pg_catalog.numeric_send(1.00), pg_catalog.date_send('2024-02-29'::date),
            pg_catalog.time_send('23:59:59.999999'::time),
            pg_catalog.timestamp_send('2024-02-29 00:00:00.000001'::timestamp),
            pg_catalog.timestamptz_send('infinity'::timestamptz),
            '{"a": [1.00, null]}'::jsonb::text collate "C", '1 day 02:03:04'::interval::text collate "C"
          ), 0)::text collate "C", 0)
    $sync$;

    """#
}
