import Glibc
import LocalSupabase
import Testing
import Transport

@Suite struct ClusterTests {
  private func rows(_ cluster: PostgresCluster, _ sql: String) throws -> [[String?]] {
    try PostgresConnection(cluster.dsn()).execute(sql).rows
  }

  @Test func `a cluster is set up as the transcripts say and can decode with wal2json`()
    async throws
  {
    let cluster = try await TestCluster.shared()
    let settings = try rows(
      cluster,
      """
      select current_setting('server_encoding'), datcollate, current_setting('timezone'),
        current_setting('wal_level'), current_setting('fsync'), current_user
      from pg_database where datname = current_database()
      """)
    #expect(settings == [["UTF8", "C.UTF-8", "UTC", "logical", "off", "postgres"]])
    let connection = try PostgresConnection(cluster.dsn())
    try connection.run(
      script: "select pg_create_logical_replication_slot('probe', 'wal2json', true)")
  }

  @Test func `data outlives a restart on the same port, and nothing outlives the end`() async throws
  {
    let cluster = try await PostgresCluster.start()
    let connection = try PostgresConnection(cluster.dsn())
    try connection.run(script: "create table kept as select 1 as a")
    let folder = try #require(try rows(cluster, "show data_directory").first?.first ?? nil)
    #expect(unsafe access(folder, F_OK) == 0)

    await cluster.stopServer()
    #expect(throws: PostgresError.self) { try connection.execute("select 1") }
    #expect(throws: PostgresError.self) { try rows(cluster, "select 1") }
    try await cluster.startServer()
    #expect(try rows(cluster, "select a from kept") == [["1"]])
    await cluster.stopServer(abruptly: true)
    try await cluster.startServer()
    #expect(try rows(cluster, "select a from kept") == [["1"]])

    await cluster.stop()
    await cluster.stop()
    #expect(unsafe access(folder, F_OK) != 0)
    #expect(throws: PostgresError.self) { try rows(cluster, "select 1") }
  }

  @Test func `a cluster ends with its process, even by a kill -9, and leaves no files`()
    async throws
  {
    let result = try #require(
      await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
        let cluster = try await PostgresCluster.start()
        let rows = try PostgresConnection(cluster.dsn()).execute("show data_directory").rows
        StandardStream.output.write("\n\(cluster.dsn())\n\(rows[0][0] ?? "")\n")
        kill(getpid(), SIGKILL)
      })
    let output = String(decoding: result.standardOutputContent, as: UTF8.self)
    let lines = output.split(separator: "\n").map { String($0) }
    let dsn = try #require(lines.last { $0.hasPrefix("postgresql:") })
    let folder = try #require(lines.last { $0.hasSuffix("/data") })
    let waiting = try ChildProcess(
      "sh",
      ["-c", "for i in $(seq 400); do [ -e \"$0\" ] || exit 0; sleep 0.05; done; exit 1", folder])
    #expect(await waiting.wait().isSuccess)
    #expect(throws: PostgresError.self) { try PostgresConnection(dsn) }
  }
}
