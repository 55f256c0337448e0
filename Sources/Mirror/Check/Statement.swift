import Supabase

/// SQL that mends something, for a person to run.
enum Statement {
  static let publication = "supabase_realtime"

  static func alter(_ table: TableName, _ action: String) -> String {
    "alter table \(SQLName.quoted(table)) \(action);"
  }

  static func column(_ table: TableName, _ column: String, _ action: String) -> String {
    alter(table, "alter column \(SQLName.quoted(column)) \(action)")
  }

  static func dropConstraint(_ name: String, _ table: TableName) -> String {
    alter(table, "drop constraint \(SQLName.quoted(name))")
  }

  static func publish(_ table: TableName) -> String {
    "alter publication \(publication) add table \(SQLName.quoted(table));"
  }

  static func unpublish(_ table: TableName) -> String {
    "alter publication \(publication) drop table \(SQLName.quoted(table));"
  }

  /// In columns that may hold anything, so that the field has a value and grows with every change.
  static func stamp(_ table: TableName, _ column: String) -> String {
    Self.column(table, column, "set default now()")
  }

  static func move(_ table: TableName, _ column: String) -> String {
    let plain = String(
      column.lowercased().unicodeScalars.map { scalar in
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? Character(scalar) : "_"
      }
    ).prefix(40)
    let function = SQLName.quoted(TableName(schema: table.schema, name: "touch_\(plain)"))
    return """
      create or replace function \(function)() returns trigger language plpgsql as $$
      begin
        new.\(SQLName.quoted(column)) := now();
        return new;
      end $$;
      create or replace trigger touch_\(plain) before update on \(SQLName.quoted(table))
        for each row execute function \(function)();
      """
  }

  /// A column that tells when a row was changed, for a table that has none.
  static func addField(_ table: TableName) -> String {
    alter(table, "add column updated_at timestamptz not null default now()") + "\n"
      + move(table, "updated_at") + "\n" + index(table, ["updated_at"])
  }

  static func index(_ table: TableName, _ columns: [String]) -> String {
    "create index on \(SQLName.quoted(table)) (\(SQLName.list(columns)));"
  }
}
