import Supabase

extension Migration {
  /// Puts the marker table and the tables with `"realtime": true` into the publication that Realtime reads.
  ///
  /// A published table without a replica identity refuses every UPDATE and DELETE, so such a table is never added.
  /// Whatever cannot be published is a warning: the ledger does not depend on it, and passes read the table anyway.
  static func publishTables(_ tables: [TableConfiguration]) -> String {
    let names =
      [TableName(schema: "public", name: "sync_heartbeat")]
      + tables.filter(\.realtime).map(\.name)
    return """
      -- The feed of changes: Supabase Realtime reports what is in the publication supabase_realtime. Tables are
      -- only ever added, `--reverse` included: it cannot know who else reads them. To take one out, run
      --   alter publication supabase_realtime drop table <table>
      do \(dollarQuoted(publishing(names)));

      """
  }

  private static func publishing(_ names: [TableName]) -> String {
    let rows = names.map { "      (\(literal($0.schema)), \(literal($0.name)))" }
      .joined(separator: ",\n")
    return """
      declare
        publication record;
        wanted record;
        relation regclass;
        kind "char";
        command text;
        unidentified text;
      begin
        select * into publication from pg_publication as p where p.pubname = 'supabase_realtime';
        if not found then
          raise notice 'there is no publication supabase_realtime in this database: nothing reports its changes'
            ' as they happen. Where they are to be, turn Realtime on (or run: create publication'
            ' supabase_realtime) and apply this migration again';
          return;
        end if;
        if not (publication.pubinsert and publication.pubupdate and publication.pubdelete) then
          raise warning 'publication supabase_realtime leaves out some kinds of changes. Run: alter publication'
            ' supabase_realtime set (publish = ''insert, update, delete, truncate'')';
        end if;

        for wanted in
          select * from (values
      \(rows)
          ) as entry (schema_name, table_name)
        loop
          relation := to_regclass(format('%I.%I', wanted.schema_name, wanted.table_name));
          if relation is null then
            raise warning 'there is no table %.%: its changes are not reported as they happen before it is made'
              ' and this migration is applied again', wanted.schema_name, wanted.table_name;
            continue;
          end if;
          select c.relkind into kind from pg_class as c where c.oid = relation;
          if kind not in ('r', 'p') then
            raise warning '% is no table: its changes cannot be reported as they happen', relation;
            continue;
          end if;
          if publication.pubviaroot and kind = 'p' then
            raise warning 'publication supabase_realtime publishes by the partitioned table: Realtime reports no'
              ' change of %. Run: alter publication supabase_realtime set (publish_via_partition_root = false)',
              relation;
          end if;
          -- By itself, with the table that it is a partition of, or, like all tables of a schema, by a rule.
          continue when publication.puballtables
            or exists (
              select from pg_publication_rel as r
              where r.prpubid = publication.oid and (
                r.prrelid = relation
                or r.prrelid in (select a.relid from pg_partition_ancestors(relation) as a)))
            or exists (
              select from pg_publication_tables as t
              join pg_class as c on c.relname = t.tablename
              join pg_namespace as n on n.oid = c.relnamespace and n.nspname = t.schemaname
              where t.pubname = publication.pubname and c.oid = relation and kind = 'r');

          -- A row's identity comes from its partition. The partitioned table counts as well where there is
          -- one: partitions to come have its primary key, and nothing else of this.
          select string_agg(p.relid::regclass::text, ', ' order by p.relid::regclass::text)
          into unidentified
          from (
            select relation::oid as relid
            union select t.relid from pg_partition_tree(relation) as t where t.isleaf
          ) as p
          join pg_class as c on c.oid = p.relid
          where not case
            when c.relkind = 'p' or c.relreplident = 'd' then exists (
              select from pg_index as i
              where i.indrelid = p.relid and i.indisprimary and i.indisvalid and i.indimmediate)
            when c.relreplident = 'i' then exists (
              select from pg_index as i
              where i.indrelid = p.relid and i.indisreplident and i.indisvalid and i.indimmediate)
            else c.relreplident = 'f'
          end;
          command := format('alter publication supabase_realtime add table %s', relation);
          if unidentified is not null then
            raise warning 'not published, as PostgreSQL would refuse every UPDATE and DELETE of it then: % has'
              ' neither a primary key that is checked at once nor a replica identity. Its changes are found by'
              ' passes only. Give it a primary key, or run: alter table % replica identity full; and then: %',
              unidentified, unidentified, command;
            continue;
          end if;
          begin
            execute command;
          exception when others then
            raise warning '% could not be published: %. Run as the owner of both (on Supabase: postgres, or'
              ' Database, Publications): %', relation, sqlerrm, command;
          end;
        end loop;
      end
      """
  }

  /// What is published, for a mirror to compare with its configuration.
  static let feedFunction = """
    -- The tables whose changes Realtime reports, as [[schema, table], …]. Partitions stand by their own names,
    -- which is how Realtime knows them; the tables they belong to are not in the list. Empty also where there
    -- is no publication.
    create or replace function public.sync_feed_tables() returns jsonb
    language sql stable security definer set search_path = '' as $sync$
      select coalesce(
        pg_catalog.jsonb_agg(
          pg_catalog.jsonb_build_array(t.schemaname, t.tablename) order by t.schemaname, t.tablename),
        '[]')
      from pg_catalog.pg_publication_tables as t
      join pg_catalog.pg_namespace as n on n.nspname = t.schemaname
      join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = t.tablename
      where t.pubname = 'supabase_realtime' and c.relkind = 'r'
    $sync$;

    """
}
