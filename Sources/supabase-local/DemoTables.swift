/// The tables that the demo copies: keys of every kind, every type of column, foreign keys, two schemas.
struct DemoTable: Sendable {
  var schema = "public"
  var name: String
  var keys: [String]
  var field = "updated_at"

  var quoted: String { "\"\(schema)\".\"\(name)\"" }

  /// Without the schema that goes without saying.
  var spokenName: String { schema == "public" ? name : "\(schema).\(name)" }

  static let all = [
    DemoTable(name: "customers", keys: ["id"]),
    DemoTable(name: "products", keys: ["sku"]),
    DemoTable(name: "orders", keys: ["id"]),
    DemoTable(name: "order_items", keys: ["order_id", "placed_at", "line"]),
    DemoTable(schema: "archive", name: "Scanned documents", keys: ["document id"]),
    DemoTable(name: "all_types", keys: ["id"]),
  ]

  /// One entry of `tables.config.json`.
  var configuration: String {
    let keys = keys.map { "\"\($0)\"" }.joined(separator: ", ")
    return """
      {"name": "\(name)", "schema": "\(schema)", "primaryKeys": [\(keys)], "incrementalFields": ["\(field)"]}
      """
  }

  /// For both projects.
  static let schema = #"""
    create schema archive;
    grant usage on schema archive to service_role;
    alter default privileges in schema archive grant all on tables to service_role;

    create type order_status as enum ('open', 'paid', 'sent "express"');
    create type address as (street text, number integer);
    create domain percentage as numeric check (value between 0 and 100);

    create table customers (
      id bigint primary key, email text not null unique, name text, country char(2), notes jsonb,
      created_at timestamptz not null default now(), updated_at timestamptz not null default now());
    create table products (
      sku text primary key, name text not null, price numeric(12, 2) not null, weight double precision,
      tags text[], updated_at timestamptz not null default now());
    create table orders (
      id uuid primary key, customer bigint not null references customers on update cascade,
      placed_at timestamptz not null, status order_status not null, total numeric(38, 20),
      updated_at timestamptz not null default now());
    create table order_items (
      order_id uuid not null references orders on delete cascade, placed_at timestamptz not null,
      line smallint not null, sku text not null references products on update cascade,
      quantity integer not null, updated_at timestamptz not null default now(),
      primary key (order_id, placed_at, line));
    create table archive."Scanned documents" (
      "document id" uuid primary key, "Ti,tle ""x""" text, body text, scan bytea,
      updated_at timestamp not null default now());
    create table all_types (
      id integer primary key, bool boolean, int2 smallint, int4 integer, int8 bigint,
      num numeric, num38 numeric(38, 20), float4 real, float8 double precision, cash money,
      txt text, vchar varchar(40), chr char(8), bytes bytea,
      day date, clock time, clocktz timetz, moment timestamp, momenttz timestamptz, span interval,
      guid uuid, js json, jsb jsonb, markup xml, ip inet, net cidr, mac macaddr, mac8 macaddr8,
      bits bit(8), vbits varbit, pt point, ln line, seg lseg, bx box, pth path, poly polygon, circ circle,
      words tsvector, query tsquery, r4 int4range, r8 int8range, rn numrange, rt tsrange, rtz tstzrange,
      rd daterange, multi int4multirange, status order_status, pct percentage, addr address,
      ints integer[], grid integer[], texts text[], stati order_status[], times timestamptz[],
      updated_at timestamptz not null default now());

    create index on customers (updated_at, id);
    create index on products (updated_at, sku);
    create index on orders (updated_at, id);
    create index on orders (customer);
    create index on order_items (updated_at, order_id, placed_at, line);
    create index on order_items (sku);
    create index on archive."Scanned documents" (updated_at, "document id");
    create index on all_types (updated_at, id);
    """#

  /// For the source alone: every change moves `updated_at`. On the target such triggers would change what is
  /// copied.
  static let touching = """
    create function touch() returns trigger language plpgsql as $$
      begin new.updated_at := now(); return new; end $$;
    create trigger touch before update on customers for each row execute function touch();
    create trigger touch before update on products for each row execute function touch();
    create trigger touch before update on orders for each row execute function touch();
    create trigger touch before update on order_items for each row execute function touch();
    create trigger touch before update on archive."Scanned documents" for each row
      execute function touch();
    create trigger touch before update on all_types for each row execute function touch();
    """
}
