/// The catalogue queries behind the document.
enum OpenAPISQL {
  static let comment = """
    select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = $1
    """

  /// `$1` the schema, `$2` whether privileges do not matter.
  static let tables = """
    select c.oid, c.relname, obj_description(c.oid, 'pg_class'),
      c.relkind in ('r', 'p')
        or c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 28 <> 0
    from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = $1)
      and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
      and ($2::boolean or pg_has_role(c.relowner, 'USAGE')
        or has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        or has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
    order by c.relname collate "C"
    """

  /// `$1` the schema. A domain is named by its base type, unless that is somebody's own; a type modifier shows
  /// only on types that are somebody's own.
  static let columns = """
    select a.attrelid, a.attnum, a.attname, col_description(a.attrelid, a.attnum),
      case
        when t.typtype = 'd' and bt.typnamespace = 'pg_catalog'::regnamespace
          then format_type(t.typbasetype, null)
        when t.typtype <> 'd' and t.typnamespace = 'pg_catalog'::regnamespace
          then format_type(a.atttypid, null)
        else format_type(a.atttypid, a.atttypmod)
      end,
      a.attnotnull or t.typtype = 'd' and t.typnotnull,
      case
        when b.typmod = -1 then null
        when b.oid in ('bpchar'::regtype, 'varchar'::regtype) then b.typmod - 4
        when b.oid in ('bit'::regtype, 'varbit'::regtype) then b.typmod
      end,
      case
        when t.typbasetype <> 0 and d.adbin is null then pg_get_expr(t.typdefaultbin, 0)
        when a.attidentity = 'd'
          then format('nextval(%L)', pg_get_serial_sequence(a.attrelid::regclass::text, a.attname))
        when a.attgenerated = 's' then null
        else pg_get_expr(d.adbin, d.adrelid)
      end,
      (select string_agg('=' || e.enumlabel, E'\\n' order by e.enumsortorder)
        from pg_enum e where e.enumtypid = b.oid)
    from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      join pg_type t on t.oid = a.atttypid
      left join pg_type bt on bt.oid = t.typbasetype
      cross join lateral (
        select case when t.typtype = 'd' then t.typbasetype else t.oid end as oid,
          case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as typmod) b
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = (select oid from pg_namespace where nspname = $1)
      and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped
    order by a.attrelid, a.attnum
    """

  /// Primary keys, and foreign keys of one column to tables of the exposed schemas.
  static func keys(schemas: String) -> String {
    """
    select k.conrelid, array_to_string(k.conkey, ' '), f.relname, fa.attname
    from pg_constraint k
      left join pg_class f on f.oid = k.confrelid and k.contype = 'f'
      left join pg_namespace n on n.oid = f.relnamespace
      left join pg_attribute fa on fa.attrelid = f.oid and fa.attnum = k.confkey[1]
    where k.contype = 'p'
      or k.contype = 'f' and array_length(k.conkey, 1) = 1 and n.nspname in (\(schemas))
    order by k.conrelid, k.conname collate "C"
    """
  }

  static let views = """
    select r.ev_class, r.ev_action
    from pg_rewrite r join pg_class c on c.oid = r.ev_class
    where r.rulename = '_RETURN' and c.relkind in ('v', 'm') and c.oid >= 16384
    """

  /// `$1` the schema, `$2` whether privileges do not matter. One row a parameter, or one with no parameter.
  static let functions = """
    select p.oid, p.proname, obj_description(p.oid, 'pg_proc'), a.name, a.type::regtype::text,
      a.place <= p.pronargs - p.pronargdefaults, a.mode = 'v'
    from pg_proc p
      left join lateral (
        select row_number() over (order by u.i) as place, p.proargnames[u.i] as name,
          u.type, coalesce(p.proargmodes[u.i], 'i') as mode
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality u(type, i)
        where coalesce(p.proargmodes[u.i], 'i') in ('i', 'b', 'v')) a on true
    where p.pronamespace = (select oid from pg_namespace where nspname = $1)
      and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
      and ($2::boolean or has_function_privilege(p.oid, 'EXECUTE'))
      -- What has unnamed parameters cannot be called, but for one that takes the whole body.
      and (p.proargnames is not null and '' <> all (p.proargnames[1:p.pronargs])
        or p.pronargs = 0
        or p.pronargs = 1 and p.proargtypes[0] in
          ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'xml'::regtype, 'bytea'::regtype))
    order by p.proname collate "C", p.oid, a.place
    """
}
