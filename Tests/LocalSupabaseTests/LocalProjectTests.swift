import JSON
import LocalSupabase
import Testing
import Transport

@Suite(.serialized) struct LocalProjectTests {
  /// One project for all tests here, which leave it as it was.
  private static let starting = Task { try await LocalProject.start() }

  @Test func `roles, limits and default privileges are a Supabase project's`() async throws {
    let project = try await Self.starting.value
    let roles = try await project.sql(
      """
      select rolname, rolcanlogin, rolinherit, rolbypassrls, rolconfig
      from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres' order by 1
      """)
    #expect(
      roles == [
        ["anon", "f", "f", "f", "{statement_timeout=3s}"],
        ["authenticated", "f", "f", "f", "{statement_timeout=8s}"],
        ["authenticator", "t", "f", "f", "{statement_timeout=8s}"],
        ["service_role", "f", "f", "t", nil],
      ])
    let rights = try await project.sql(
      """
      create table public.probe (id bigint generated always as identity);
      create function public.probe_it() returns int language sql as 'select 1';
      create temp table answer on commit drop as select role,
          has_table_privilege(role, 'public.probe', 'select, insert, update, delete, truncate'),
          has_function_privilege(role, 'public.probe_it()', 'execute')
        from unnest('{anon,authenticated,service_role,authenticator}'::text[]) role;
      drop table public.probe;
      drop function public.probe_it();
      table answer;
      """)
    #expect(
      rights == [
        ["anon", "t", "t"], ["authenticated", "t", "t"], ["service_role", "t", "t"],
        ["authenticator", "f", "t"],
      ])
  }

  @Test(arguments: [
    "create table public.watched (a int)", "alter table public.watched add b text",
    "comment on table public.watched is 'x'", "drop table public.watched",
    "create schema watched", "drop schema watched",
  ])
  func `a change of the schema is told to the REST service`(statement: String) async throws {
    let project = try await Self.starting.value
    let connection = try PostgresConnection(project.dsn)
    try connection.run(script: "create table if not exists public.watched (a int)")
    if statement.hasPrefix("create table") {
      try connection.run(script: "drop table public.watched")
    }
    if statement.hasPrefix("drop schema") {
      try connection.run(script: "create schema if not exists watched")
    }
    if statement.hasPrefix("create schema") {
      try connection.run(script: "drop schema if exists watched")
    }
    let listener = try PostgresConnection(project.dsn)
    try listener.run(script: "listen pgrst")
    try connection.run(script: statement)
    #expect(
      try listener.notification(waitAtMost: .seconds(10))
        == PostgresNotification(channel: "pgrst", payload: "reload schema"))
    try connection.run(script: "drop table if exists watched; drop schema if exists watched")
  }

  @Test func `a temporary table and a row are nobody's schema change`() async throws {
    let project = try await Self.starting.value
    let listener = try PostgresConnection(project.dsn)
    try listener.run(script: "listen pgrst; create temp table t (a int); insert into t values (1)")
    try listener.run(script: "drop table t; notify pgrst, 'last'")
    #expect(try listener.notification(waitAtMost: .seconds(10))?.payload == "last")
  }

  @Test func `keys are tokens of the project's secret`() async throws {
    let project = try await Self.starting.value
    for (key, role) in [(project.anonKey, "anon"), (project.serviceKey, "service_role")] {
      let token = try JSONWebToken(
        verifying: key, secret: LocalProjectOptions().jwtSecret, now: WallClock.system.now())
      #expect(token.role == role)
    }
  }

  @Test func `a table made by SQL is served a moment later, to the key's role`() async throws {
    let project = try await Self.starting.value
    let client = HTTPClient()
    func answer(_ path: String, _ key: String) async throws -> HTTPAnswer {
      try await client.send(
        HTTPRequest(
          method: "GET", url: project.url + "/rest/v1/" + path,
          headers: [HTTPHeader("apikey", key), HTTPHeader("Authorization", "Bearer \(key)")]))
    }
    try await project.sql(
      """
      create table public.served (id bigint primary key, v numeric);
      insert into public.served values (9007199254740993, 0.10);
      alter table public.served enable row level security;
      """)
    let rows = try await answer("served?select=*", project.serviceKey)
    #expect(rows.status == 200)
    #expect(String(decoding: rows.body, as: UTF8.self) == #"[{"id":9007199254740993,"v":0.10}]"#)
    #expect(
      try await String(decoding: answer("served", project.anonKey).body, as: UTF8.self) == "[]")

    // The document is written from the catalogue itself.
    let root = try JSONNode(parsing: try await answer("", project.serviceKey).body)
    #expect(root["host"]?.string == String(project.url.dropFirst(7)))
    #expect(root["basePath"]?.string == "/rest/v1")
    #expect(root["definitions"]?["served"]?["properties"]?["v"]?["format"]?.string == "numeric")
    try await project.sql("drop table public.served")
  }

  @Test
  func `only the path of the REST service leads somewhere, and the server comes back on its port`()
    async throws
  {
    let project = try await LocalProject.start()
    let client = HTTPClient()
    func status(_ path: String) async throws -> Int {
      try await client.send(HTTPRequest(method: "GET", url: project.url + path)).status
    }
    for path in ["/", "/rest/v2/x", "/rest/v1x"] { #expect(try await status(path) == 404) }
    #expect(project.requests == 0)
    #expect(try await status("/rest/v1/") != 404)
    #expect(project.requests == 1)
    await project.stopServer()
    await #expect(throws: HTTPError.self) { try await status("/rest/v1/") }
    try project.startServer()
    #expect(try await status("/rest/v1/") != 404)

    await project.stopDatabase()
    await #expect(throws: PostgresError.self) { try await project.sql("select 1") }
    try await project.startDatabase()
    #expect(try await project.sql("select 1") == [["1"]])
    await project.stop()
    await project.stop()
  }
}
