import LocalSupabase
import Mirror
import Supabase
import Testing

struct FeedPublicationTests {
  static let publication = "create publication supabase_realtime;"
  static let published = "select sync_feed_tables()"
  static let marker = #"["public", "sync_heartbeat"]"#

  struct Kind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Makes `items`, with a row (1).
    let tables: String
    /// The names that Realtime then knows it by.
    let published: [String]
    var warning: String?

    init(_ description: String, _ tables: String, _ published: [String], warning: String? = nil) {
      testDescription = description
      self.tables = tables
      self.published = published
      self.warning = warning
    }
  }

  static let unidentified = "neither a primary key that is checked at once nor a replica identity"
  static let kinds = [
    Kind("primary key", "create table items (id int primary key);", ["items"]),
    Kind(
      "identity full", "create table items (id int); alter table items replica identity full;",
      ["items"]),
    Kind(
      "identity by index",
      """
      create table items (id int not null unique);
      alter table items replica identity using index items_id_key;
      """, ["items"]),
    Kind("no identity", "create table items (id int);", [], warning: unidentified),
    Kind(
      "unique, which is none", "create table items (id int not null unique);", [],
      warning: unidentified),
    Kind(
      "identity nothing with a primary key",
      "create table items (id int primary key); alter table items replica identity nothing;", [],
      warning: unidentified),
    Kind(
      "deferrable primary key", "create table items (id int primary key deferrable);", [],
      warning: unidentified),
    Kind(
      "identity by an index that is gone",
      """
      create table items (id int primary key, other int not null unique);
      alter table items replica identity using index items_other_key;
      alter table items drop constraint items_other_key, alter other set default 1;
      """, [], warning: unidentified),
    Kind(
      "partitions with a primary key",
      """
      create table items (id int primary key) partition by list (id);
      create table item_one partition of items for values in (1);
      create table item_two partition of items for values in (2);
      """, ["item_one", "item_two"]),
    Kind(
      "a partition without identity",
      """
      create table items (id int primary key) partition by list (id);
      create table item_one partition of items for values in (1);
      create table item_two partition of items for values in (2);
      alter table item_one replica identity nothing;
      """, [], warning: unidentified),
    Kind(
      "partitions with identity full of a table without a key, whose next partition had none",
      """
      create table items (id int) partition by list (id);
      create table item_one partition of items for values in (1);
      alter table items replica identity full;
      alter table item_one replica identity full;
      """, [], warning: unidentified),
    Kind(
      "view", "create table things (id int primary key); create view items as table things;", [],
      warning: "items is no table"),
    Kind(
      "unlogged", "create unlogged table items (id int primary key);", [],
      warning: "alter publication supabase_realtime add table items"),
    Kind("missing", "", [], warning: "there is no table public.items"),
  ]

  @Test(arguments: kinds)
  func `a table is published where that breaks no write`(_ kind: Kind) async throws {
    let database = try await LedgerDatabase(Self.publication + kind.tables)
    let migration = Migration(tables: [TableConfiguration("items", keys: "id")])
    let remarks = try await database.remarks(migration.sql)
    if let warning = kind.warning {
      #expect(remarks.contains("WARNING") && remarks.contains(warning), "\(remarks)")
    } else {
      #expect(remarks.isEmpty, "\(remarks)")
    }
    let names = kind.published.map { #"["public", "\#($0)"]"# } + [Self.marker]
    #expect(
      try await database.value(Self.published) == "[\(names.joined(separator: ", "))]")
    if kind.testDescription != "missing" {
      try await database.run(
        "insert into items values (1); update items set id = 1; delete from items")
    }
    // Again: what is there stays, and nothing is added twice.
    try await database.run(migration.sql)
    #expect(
      try await database.value(Self.published) == "[\(names.joined(separator: ", "))]")
  }

  @Test func `a partition made later is published with its table`() async throws {
    let database = try await LedgerDatabase(
      Self.publication + "create table items (id int primary key) partition by list (id);")
    try await database.migrate(TableConfiguration("items", keys: "id"))
    #expect(try await database.value(Self.published) == "[\(Self.marker)]")
    try await database.run("create table item_one partition of items for values in (1)")
    #expect(
      try await database.value(Self.published) == #"[["public", "item_one"], \#(Self.marker)]"#)
  }

  @Test func `only tables that are to be followed are published`() async throws {
    let database = try await LedgerDatabase(
      Self.publication + "create table items (id int primary key); create table polled (id int);")
    let polled = TableConfiguration(
      name: TableName(name: "polled"), primaryKeys: ["id"], incrementalFields: ["at"],
      realtime: false)
    let remarks = try await database.remarks(
      Migration(tables: [polled, TableConfiguration("items", keys: "id")]).sql)
    #expect(remarks.isEmpty, "\(remarks)")
    #expect(
      try await database.value(Self.published) == #"[["public", "items"], \#(Self.marker)]"#)
  }

  @Test func `names of any kind are published`() async throws {
    let database = try await LedgerDatabase(
      Self.publication
        + #"create schema "My "" schema"; create table "My "" schema"."It's $sync$ %I" (id int primary key);"#
    )
    try await database.migrate(
      TableConfiguration("It's $sync$ %I", schema: #"My " schema"#, keys: "id"))
    #expect(
      try await database.value("\(Self.published) -> 0") == #"["My \" schema", "It's $sync$ %I"]"#)
  }

  static let standing = [
    "create publication supabase_realtime for all tables",
    "create publication supabase_realtime for tables in schema public",
    "create publication supabase_realtime for table items",
  ]

  @Test(arguments: standing)
  func `a publication that has the tables already stays as it is`(_ publication: String)
    async throws
  {
    let database = try await LedgerDatabase("create table items (id int primary key)")
    try await database.runAsSuperuser(
      "\(publication); alter publication supabase_realtime owner to postgres")
    let items = TableConfiguration("items", keys: "id")
    let remarks = try await database.remarks(Migration(tables: [items]).sql)
    // Only where it names its tables one by one the marker table is missing, and this role may not add it.
    #expect(remarks.contains("WARNING") == publication.hasSuffix("items"), "\(remarks)")
    let published = try await database.value(Self.published)
    #expect(published?.contains(#"["public", "items"]"#) == true)
  }

  @Test func `a publication of someone else costs a warning with the statement to run`()
    async throws
  {
    let database = try await LedgerDatabase("create table items (id int primary key)")
    try await database.runAsSuperuser(Self.publication)
    let items = TableConfiguration("items", keys: "id")
    let remarks = try await database.remarks(Migration(tables: [items]).sql)
    for table in ["items", "sync_heartbeat"] {
      #expect(remarks.contains("alter publication supabase_realtime add table \(table)"))
    }
    #expect(try await database.value(Self.published) == "[]")
    #expect(try await database.value("select sync_version()") == "\(Migration.version)")
    #expect(try await database.value("select complete from sync_ledger_tables()") == "t")
  }

  @Test func `a publication that keeps changes from the feed is told of`() async throws {
    let database = try await LedgerDatabase(
      """
      create publication supabase_realtime
        with (publish = 'insert', publish_via_partition_root = true);
      create table items (id int primary key) partition by list (id);
      create table item_one partition of items for values in (1);
      """)
    let remarks = try await database.remarks(
      Migration(tables: [TableConfiguration("items", keys: "id")]).sql)
    #expect(remarks.contains("set (publish = 'insert, update, delete, truncate')"))
    #expect(remarks.contains("set (publish_via_partition_root = false)"))
    #expect(try await database.value(Self.published) == "[\(Self.marker)]")
  }

  @Test func `without a publication everything else is there, and a notice`() async throws {
    let database = try await LedgerDatabase("")
    let remarks = try await database.remarks(Migration(tables: []).sql)
    #expect(remarks.contains("NOTICE") && !remarks.contains("WARNING"), "\(remarks)")
    #expect(try await database.value(Self.published) == "[]")
  }

  @Test func `the reverse takes the marker table out and leaves the others in`() async throws {
    let database = try await LedgerDatabase(
      Self.publication + "create table items (id int primary key)")
    let tables = [TableConfiguration("items", keys: "id")]
    try await database.run(Migration(tables: tables).sql)
    try await database.run(Migration(tables: tables).reverseSQL)
    #expect(
      try await database.run("select tablename from pg_publication_tables") == [["items"]])
    #expect(try await database.run(MigrationTests.remains) == [])
  }
}
