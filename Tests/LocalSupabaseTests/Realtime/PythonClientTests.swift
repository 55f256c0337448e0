import LocalSupabase
import Testing
import Transport

/// A client of other people's making: the PyPI package `realtime`, which reads every frame strictly.
@Suite struct PythonClientTests {
  private static let package = "realtime==2.34.1"

  @Test(
    .enabled(
      if: ProcessEnvironment.read()["SUPAMIRROR_TEST_OFFLINE"] == nil, "pip needs the package index"
    ),
    .timeLimit(.minutes(3)))
  func `the Python client subscribes and gets what it asked for`() async throws {
    async let environment = Self.environment()
    var options = LocalProjectOptions()
    options.realtime = .quick
    let project = try await LocalProject.start(options)
    try await project.sql(
      """
      create table public.todos (id bigint primary key, title text);
      alter publication supabase_realtime add table public.todos;
      """)
    let python = try await environment + "/bin/python"
    let client = try ChildProcess(
      python, ["-c", Self.script, project.url, project.serviceKey], output: .pipe, error: .pipe)
    let output = await client.allOutput()
    let status = await client.wait()
    await project.stop()
    #expect(status.isSuccess, "\(output)")
    #expect(
      output.split(separator: "\n").map(String.init) == [
        "SUBSCRIBED", "all INSERT 9007199254740993 a", "inserts INSERT 9007199254740993 a",
        "all UPDATE 9007199254740993 b", "all DELETE 9007199254740993 -", "closed",
      ])
  }

  /// The environment that has the package; made once, and used again by later runs.
  private static func environment() async throws -> String {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
    let path = folders.joined(separator: "/") + "/.build/python-\(package)"
    let marker = DurableFile(path + "/is-complete")
    if try marker.read() != nil { return path }
    try await run("python3", ["-m", "venv", "--clear", path])
    try await run(
      path + "/bin/python",
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package])
    try marker.replace(with: [])
    return path
  }

  private static func run(_ program: String, _ arguments: [String]) async throws {
    let process = try ChildProcess(program, arguments, output: .pipe, error: .pipe)
    let output = await process.allOutput()
    try #require(await process.wait().isSuccess, "\(program) \(arguments): \(output)")
  }

  /// Subscribes, then writes through the REST server, each row after the change before has come.
  private static let script = #"""
    import asyncio, json, sys, urllib.request
    from realtime import AsyncRealtimeClient, RealtimePostgresChangesListenEvent

    url, key = sys.argv[1:]

    def rest(method, target, body=None):
      request = urllib.request.Request(
        url + "/rest/v1/" + target, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + key, "Content-Type": "application/json"})
      urllib.request.urlopen(request).read()

    async def main():
      client = AsyncRealtimeClient(url + "/realtime/v1", key)
      told = asyncio.Queue()

      def heard(name):
        def callback(payload):
          data = payload["data"]
          row = data.get("record") or data.get("old_record")
          type = getattr(data["type"], "value", data["type"])
          told.put_nowait(f"{name} {type} {row['id']} {row.get('title', '-')}")
        return callback

      channel = client.channel("room")
      channel.on_postgres_changes("*", schema="public", table="todos", callback=heard("all"))
      channel.on_postgres_changes(
        "INSERT", schema="public", table="todos", filter="title=eq.a", callback=heard("inserts"))
      channel.on_system(lambda payload: told.put_nowait(None))
      await channel.subscribe(lambda state, error: told.put_nowait(state.value))

      async def show(count):
        for line in sorted([await asyncio.wait_for(told.get(), 20) for _ in range(count)]):
          print(line, flush=True)

      await show(1)
      assert await asyncio.wait_for(told.get(), 20) is None
      id = 2 ** 53 + 1
      await asyncio.to_thread(rest, "POST", "todos", {"id": id, "title": "a"})
      await show(2)
      await asyncio.to_thread(rest, "PATCH", f"todos?id=eq.{id}", {"title": "b"})
      await show(1)
      await asyncio.to_thread(rest, "DELETE", f"todos?id=eq.{id}")
      await show(1)
      await channel.unsubscribe()
      await client.close()
      print("closed", flush=True)

    asyncio.run(main())
    """#
}
