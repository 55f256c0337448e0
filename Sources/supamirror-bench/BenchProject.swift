import LocalSupabase
import Transport

/// One project as a measurement sees it: over HTTP like everybody, and by SQL.
struct BenchProject: Sendable {
  let url: String
  let key: String
  let dsn: String
  /// nil for a project of somebody else's.
  let local: LocalProject?
  private let database: PostgresPool

  private init(url: String, key: String, dsn: String, local: LocalProject?) {
    self.url = url
    self.key = key
    self.dsn = dsn
    self.local = local
    database = PostgresPool(dsn: dsn, size: 2) { try $0.run(script: "set statement_timeout = 0") }
  }

  static func local(maxRows: Int?) async throws -> BenchProject {
    var options = LocalProjectOptions()
    options.maxRows = maxRows
    options.realtime = nil
    let local = try await LocalProject.start(options)
    return BenchProject(url: local.url, key: local.serviceKey, dsn: local.dsn, local: local)
  }

  /// The project that the variables `SUPAMIRROR_TEST_<SIDE>_URL`, `_KEY`, `_DSN` name; nil where one is missing.
  static func external(_ side: String) -> BenchProject? {
    let environment = ProcessEnvironment.read()
    func value(_ name: String) -> String? { environment["SUPAMIRROR_TEST_\(side)_\(name)"] }
    guard let url = value("URL"), let key = value("KEY"), let dsn = value("DSN") else { return nil }
    return BenchProject(url: url, key: key, dsn: dsn, local: nil)
  }

  func stop() async {
    await database.close()
    await local?.stop()
  }

  var endpoint: MirrorSetup.Endpoint { MirrorSetup.Endpoint(url: url, key: key) }

  /// Runs one statement, or several in one transaction, and gives the last one's rows.
  @discardableResult
  func sql(_ script: String) async throws -> [[String?]] {
    try await database.withConnection(waitAtMost: .seconds(3_600)) {
      try $0.run(script: script).rows
    }
  }

  /// The same for a change of the schema; returns when PostgREST knows it.
  func schema(_ script: String) async throws {
    guard local == nil else {
      try await local?.sql(script)
      return
    }
    try await sql(script)
    try await awaitSchemaCache()
  }

  private func awaitSchemaCache() async throws {
    let name = "bench_marker_\(UInt64.random(in: 0..<UInt64.max))"
    try await sql(
      """
      create table public.\(name) (id integer primary key);
      grant all on public.\(name) to service_role;
      notify pgrst, 'reload schema';
      """)
    let client = HTTPClient()
    let request = RESTRequest(MirrorSetup.Endpoint(url: url, key: key)).get("\(name)?limit=0")
    let start = ContinuousClock.now
    while try await client.send(request).status != 200 {
      guard ContinuousClock.now - start < .seconds(60) else {
        throw BenchStopped(description: "\(url) does not come to know a new table")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    try await sql("drop table public.\(name)")
  }

  /// What is dirty is written now, not while somebody measures. Not everybody may.
  func settle() async { _ = try? await sql("checkpoint") }

  func run(_ text: String) async throws -> Int {
    Int(try await sql(text).first?.first.flatMap { $0 } ?? "") ?? 0
  }
}

/// A source and a target.
struct BenchPair: Sendable {
  let source: BenchProject
  let target: BenchProject

  var isExternal: Bool { source.local == nil }

  static func start(maxRows: Int?) async throws -> BenchPair {
    if let source = BenchProject.external("SOURCE"), let target = BenchProject.external("TARGET") {
      return BenchPair(source: source, target: target)
    }
    async let source = BenchProject.local(maxRows: maxRows)
    async let target = BenchProject.local(maxRows: maxRows)
    return try await BenchPair(source: source, target: target)
  }

  func stop() async {
    await source.stop()
    await target.stop()
  }

  func schema(_ script: String) async throws {
    try await source.schema(script)
    try await target.schema(script)
  }

  func settle() async {
    await source.settle()
    await target.settle()
  }

  /// Requests that both answered so far; nil where they cannot be asked.
  var requests: Int? {
    guard let source = source.local, let target = target.local else { return nil }
    return source.requests + target.requests
  }

  /// - Throws: where the two tables are not the same.
  func expectEqual(_ table: String, after what: String) async throws {
    let sql = """
      set timezone = 'UTC'; set extra_float_digits = 3;
      select count(*), sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint::numeric) from \(table) as t
      """
    async let wanted = source.sql(sql)
    async let got = target.sql(sql)
    let (all, copied) = try await (wanted, got)
    guard all == copied else {
      throw BenchStopped(
        description: "\(table) is not equal after \(what): \(all[0][0] ?? "") rows at the source, "
          + "\(copied[0][0] ?? "") on the target")
    }
  }
}
