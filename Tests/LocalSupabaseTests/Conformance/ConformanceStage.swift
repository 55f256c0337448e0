import LocalSupabase
import Testing
import Transport

/// The recorded project in a database of its own, and a server in front of it.
struct ConformanceStage: Sendable {
  let cluster: PostgresCluster
  let database: String
  let pool: PostgresPool
  /// Whether anything but reads ran since the seed.
  private let isDirty = Locked(false)

  init(_ cluster: PostgresCluster, database: String) async throws {
    self.cluster = cluster
    self.database = database
    pool = PostgresPool(dsn: cluster.dsn(database: database), size: 1)
  }

  /// Makes the database from the recorded script.
  static func create(_ cluster: PostgresCluster, database: String) async throws -> ConformanceStage
  {
    _ = try await onConnection(cluster.dsn()) { connection in
      try connection.run(
        script:
          "create database \(database) lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' template template0")
    }
    let stage = try await ConformanceStage(cluster, database: database)
    let script = String(decoding: try Recording.bytes("schema.sql"), as: UTF8.self)
    _ = try await stage.sql(script)
    stage.isDirty.withLock { $0 = false }
    return stage
  }

  static func options() -> RESTOptions {
    var options = RESTOptions()
    options.schemas = ["public", "other"]
    options.jwtSecret = Recording.secret
    options.openAPIHost = "127.0.0.1:54620"
    return options
  }

  @discardableResult
  func sql(_ script: String) async throws -> [[String?]] {
    isDirty.withLock { $0 = true }
    return try await pool.withConnection(waitAtMost: .seconds(60)) {
      try $0.run(script: script).rows
    }
  }

  func reset() async throws {
    guard isDirty.withLock({ $0 }) else { return }
    try await sql("select testkit.reset_data()")
    isDirty.withLock { $0 = false }
  }

  func service(_ options: RESTOptions = options()) async throws -> RESTService {
    try await RESTService(
      databaseDSN: cluster.dsn(user: "authenticator", database: database), options: options)
  }

  /// Sends a recorded request on a connection of its own and takes the whole answer.
  func exchange(_ recorded: ConformanceCase, port: Int) async -> RawAnswer {
    let isRead = ["GET", "HEAD", "OPTIONS"].contains(recorded.method)
    if !isRead { isDirty.withLock { $0 = true } }
    let client = await SocketClient(port: port)
    await client.send(recorded.request)
    let isBodyless = recorded.method == "HEAD"
    let bytes = await client.receive { RawAnswer.isWhole($0, isBodyless: isBodyless) }
    client.close()
    return RawAnswer(bytes, isBodyless: isBodyless)
  }

  /// The differences from the recording, none if it is the same.
  func play(_ recorded: ConformanceCase, port: Int) async throws -> [String] {
    let answer = await exchange(recorded, port: port)
    var differences = Self.differences(answer, recorded)
    if let query = recorded.afterSQL, let wanted = recorded.afterRows {
      let wasDirty = isDirty.withLock { $0 }
      let rows = try await sql(query)
      isDirty.withLock { $0 = wasDirty }
      if rows != wanted { differences.append("left behind \(rows), not \(wanted)") }
    }
    return differences
  }

  static func differences(_ answer: RawAnswer, _ recorded: ConformanceCase) -> [String] {
    if recorded.volatile.contains("response") { return [] }
    var differences: [String] = []
    if answer.status != recorded.status {
      differences.append("status \(answer.status), not \(recorded.status)")
    }
    if answer.reason != recorded.reason {
      differences.append("reason \(answer.reason), not \(recorded.reason)")
    }
    let ours = comparable(answer.headers, recorded)
    let theirs = comparable(recorded.headers, recorded)
    for header in ours where !theirs.contains(header) { differences.append("has \(header)") }
    for header in theirs where !ours.contains(header) { differences.append("lacks \(header)") }
    if !recorded.volatile.contains("response.body"), answer.body != recorded.body,
      sorted(answer.body, recorded) != sorted(recorded.body, recorded)
    {
      let common = zip(answer.body, recorded.body).prefix { $0 == $1 }.count
      func part(_ body: [UInt8]) -> String {
        String(decoding: body.dropFirst(max(0, common - 60)).prefix(400), as: UTF8.self)
      }
      differences.append("body \(part(answer.body))\n         not \(part(recorded.body))")
    }
    return differences
  }

  private static func comparable(
    _ headers: [HTTPHeader], _ recorded: ConformanceCase
  ) -> [String] {
    headers.compactMap { header in
      recorded.volatile.contains("response.headers.\(header.name)")
        ? "\(header.name): *" : "\(header.name): \(header.value)"
    }.sorted()
  }

  /// The order of the root document's parts is that of a hash table.
  private static func sorted(_ body: [UInt8], _ recorded: ConformanceCase) -> String {
    let text = String(decoding: body, as: UTF8.self)
    return recorded.id.hasPrefix("oa") ? (try? OpenAPITests.sorted(text)) ?? text : text
  }
}

/// Runs `body` with a connection, on a thread of its own.
func onConnection<Result: Sendable>(
  _ dsn: String, _ body: @escaping @Sendable (PostgresConnection) throws -> Result
) async throws -> Result {
  let pool = PostgresPool(dsn: dsn, size: 1)
  let result = await Task {
    try await pool.withConnection(waitAtMost: .seconds(60), body)
  }.result
  await pool.close()
  return try result.get()
}
