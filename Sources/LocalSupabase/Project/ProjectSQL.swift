/// What a Supabase project has in its database before anybody makes a table.
enum ProjectSQL {
  /// Roles, the schema `extensions`, default privileges, the empty publication that Realtime reads; for a superuser in a
  /// new cluster.
  static let roles = """
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator;
    alter role anon set statement_timeout = '3s';
    alter role authenticated set statement_timeout = '8s';
    alter role authenticator set statement_timeout = '8s';

    create schema extensions;
    do $$ declare name text; begin
      for name in select e.name from pg_available_extensions e
        where e.name in ('pgcrypto', 'uuid-ossp')
      loop execute format('create extension %I with schema extensions', name); end loop;
      execute format('alter database %I set search_path to "$user", public, extensions',
        current_database());
    end $$;
    grant usage on schema public, extensions to anon, authenticated, service_role;
    alter default privileges in schema public
      grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public
      grant all on sequences to anon, authenticated, service_role;
    alter default privileges in schema public
      grant all on functions to anon, authenticated, service_role;
    create publication supabase_realtime;
    """

  /// PostgREST reads its schema cache anew after every change of the schema, without anybody asking.
  static let schemaWatch = """
    create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$
    begin
      perform from pg_event_trigger_ddl_commands() c
        where c.schema_name is distinct from 'pg_temp' and c.command_tag in (
          'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
          'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW', 'ALTER VIEW',
          'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION',
          'CREATE TRIGGER', 'CREATE TYPE', 'ALTER TYPE', 'CREATE RULE', 'COMMENT');
      if found then notify pgrst, 'reload schema'; end if;
    end $$;
    create function extensions.pgrst_drop_watch() returns event_trigger language plpgsql as $$
    begin
      perform from pg_event_trigger_dropped_objects() o
        where not o.is_temporary and o.object_type in (
          'schema', 'table', 'foreign table', 'view', 'materialized view', 'function', 'trigger', 'type',
          'rule');
      if found then notify pgrst, 'reload schema'; end if;
    end $$;
    create event trigger pgrst_ddl_watch on ddl_command_end
      execute function extensions.pgrst_ddl_watch();
    create event trigger pgrst_drop_watch on sql_drop
      execute function extensions.pgrst_drop_watch();
    """
}
