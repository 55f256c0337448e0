import Mirror
import Supabase
import Testing

/// Keys as a project has them; only the middle part of a JWT is ever looked at.
enum SampleKey {
  /// `{"role":"service_role"}`
  static let service = "h.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2VjcmV0"
  /// `{"role":"anon"}`
  static let anon = "h.eyJyb2xlIjoiYW5vbiJ9.c2VjcmV0"
}

@Suite struct ConfigurationSettingsTests {
  static let required = [
    "SYNC_SOURCE_SUPABASE_URL": "https://source.supabase.co",
    "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": SampleKey.service,
    "SYNC_TARGET_SUPABASE_URL": "https://target.supabase.co",
    "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_0123456789",
  ]

  private func read(_ changes: [String: String], file: String? = nil) throws -> Settings {
    try Settings.read(
      environment: Self.required.merging(changes) { $1 },
      file: file.map { EnvironmentFile(Array($0.utf8), path: ".env.sync") })
  }

  private func problems(_ changes: [String: String], file: String? = nil) -> [String] {
    do {
      _ = try read(changes, file: file)
      return []
    } catch let error as ConfigurationError {
      return error.problems
    } catch {
      return ["\(error)"]
    }
  }

  @Test func `four settings are enough and the others have their defaults`() throws {
    let settings = try read([:])
    #expect(settings.source.url.description == "https://source.supabase.co")
    #expect(settings.source.role == "source" && settings.target.role == "target")
    #expect(settings.target.key.secret == "sb_secret_0123456789")
    #expect(!settings.isOnePass && settings.realtime && settings.loop && settings.deletes)
    #expect(settings.reconcileInterval == .seconds(30) && settings.lookback == .seconds(300))
    #expect(settings.batchSize == 500 && settings.initialBackfill == .last(.seconds(86_400)))
    #expect(settings.tableConfigPath == "config/tables.config.json")
    #expect(settings.statePath == ".sync-state.json")
    #expect(settings.mirrorName == nil && settings.caFile == nil)
    #expect(settings.deleteLimitRows == 1_000 && settings.deleteLimitPercent == 25)
    #expect(settings.quarantineLimit == 1_000 && settings.onDrift == .common)
    #expect(settings.requestTime == .seconds(60) && settings.retryTime == .seconds(120))
    #expect(settings.heartbeatInterval == .seconds(10) && settings.lagLimit == .seconds(60))
    #expect(settings.statusPort == nil)
    #expect(settings.verifyInterval == .seconds(86_400))
    #expect(settings.maxRequests == 4 && settings.maxBytesPerSecond == nil)
  }

  @Test func `every setting is read`() throws {
    let settings = try read([
      "SYNC_MODE": "reconcile", "SYNC_REALTIME": "false", "SYNC_LOOP": "FALSE",
      "SYNC_RECONCILE_INTERVAL_MS": "1000", "SYNC_RECONCILE_LOOKBACK_MS": "0",
      "SYNC_RECONCILE_BATCH_SIZE": " 20 ", "SYNC_INITIAL_BACKFILL_MS": "all",
      "SYNC_TABLE_CONFIG": "t.json", "SYNC_STATE_PATH": "/s", "SYNC_MIRROR_NAME": "eu-1.b_2",
      "SYNC_DELETES": "false", "SYNC_DELETE_LIMIT_ROWS": "7", "SYNC_DELETE_LIMIT_PERCENT": "100",
      "SYNC_QUARANTINE_LIMIT": "8", "SYNC_CA_FILE": "/ca.pem", "SYNC_REQUEST_TIMEOUT_MS": "5000",
      "SYNC_RETRY_MS": "0", "SYNC_ENV_PATH": "elsewhere", "SYNC_HEARTBEAT_INTERVAL_MS": "1000",
      "SYNC_LAG_LIMIT_MS": "5000", "SYNC_STATUS_LISTEN": "8080", "SYNC_MAX_REQUESTS": "2",
      "SYNC_MAX_BYTES_PER_SECOND": "1000000", "SYNC_VERIFY_FULL_EVERY": "90m",
      "SYNC_ON_DRIFT": "park",
    ])
    #expect(settings.isOnePass && !settings.realtime && !settings.loop && !settings.deletes)
    #expect(settings.reconcileInterval == .seconds(1) && settings.lookback == .zero)
    #expect(settings.batchSize == 20 && settings.initialBackfill == .all)
    #expect(settings.tableConfigPath == "t.json" && settings.statePath == "/s")
    #expect(settings.mirrorName == "eu-1.b_2" && settings.caFile == "/ca.pem")
    #expect(settings.deleteLimitRows == 7 && settings.deleteLimitPercent == 100)
    #expect(settings.quarantineLimit == 8 && settings.onDrift == .park)
    #expect(settings.requestTime == .seconds(5) && settings.retryTime == .zero)
    #expect(settings.heartbeatInterval == .seconds(1) && settings.lagLimit == .seconds(5))
    #expect(settings.statusPort == 8_080)
    #expect(settings.verifyInterval == .seconds(5_400))
    #expect(settings.maxRequests == 2 && settings.maxBytesPerSecond == 1_000_000)
  }

  @Test(arguments: [("0", nil), ("24h", 86_400), ("30s", 30), ("1m", 60)] as [(String, Int?)])
  func `comparing all rows has an interval, or none`(value: String, seconds: Int?) throws {
    let interval = try read(["SYNC_VERIFY_FULL_EVERY": value]).verifyInterval
    #expect(interval == seconds.map { .seconds($0) })
  }

  @Test(arguments: ["9000", " 9000 ", "127.0.0.1:9000", "localhost:9000", "LOCALHOST:9000"])
  func `status is served on loopback`(value: String) throws {
    #expect(try read(["SYNC_STATUS_LISTEN": value]).statusPort == 9_000)
  }

  @Test(arguments: [
    "0", "65536", "-1", "80a", "0.0.0.0:9000", "[::1]:9000", "192.168.0.5:9000", ":9000",
    "localhost", "localhost:", "127.0.0.1:0", "host:9000", "true", "127.0.0.1:localhost:9000",
  ])
  func `status is served nowhere else, and the error says what to do`(value: String) {
    let problems = problems(["SYNC_STATUS_LISTEN": value])
    #expect(problems.count == 1, "\(problems)")
    for part in ["SYNC_STATUS_LISTEN", "loopback only", "proxy"] {
      #expect(problems.first?.contains(part) == true, "\(problems)")
    }
  }

  @Test(arguments: [
    ("SYNC_MODE", "once", "default or reconcile"), ("SYNC_REALTIME", "yes", "true or false"),
    ("SYNC_LOOP", "1", "true or false"), ("SYNC_DELETES", "off", "true or false"),
    ("SYNC_RECONCILE_INTERVAL_MS", "0", "from 100"), ("SYNC_RECONCILE_INTERVAL_MS", "30s", "whole"),
    ("SYNC_RECONCILE_LOOKBACK_MS", "-1", "from 0"), ("SYNC_RECONCILE_LOOKBACK_MS", "1e3", "whole"),
    ("SYNC_RECONCILE_LOOKBACK_MS", "99999999999999999999", "to 315360000000"),
    ("SYNC_RECONCILE_LOOKBACK_MS", "315360000001", "to 315360000000"),
    ("SYNC_RECONCILE_BATCH_SIZE", "0", "from 1"), ("SYNC_RECONCILE_BATCH_SIZE", "5.5", "whole"),
    ("SYNC_RECONCILE_BATCH_SIZE", "٥", "whole"), ("SYNC_INITIAL_BACKFILL_MS", "ALL", "all, or"),
    ("SYNC_INITIAL_BACKFILL_MS", "1d", "milliseconds"), ("SYNC_MIRROR_NAME", "a b", "letters"),
    ("SYNC_MIRROR_NAME", "é", "letters"), ("SYNC_DELETE_LIMIT_PERCENT", "101", "to 100"),
    ("SYNC_DELETE_LIMIT_PERCENT", "25%", "whole"), ("SYNC_DELETE_LIMIT_ROWS", "all", "whole"),
    ("SYNC_QUARANTINE_LIMIT", "-5", "whole"), ("SYNC_ON_DRIFT", "stop", "common or park"),
    ("SYNC_REQUEST_TIMEOUT_MS", "60", "from 1000"),
    ("SYNC_HEARTBEAT_INTERVAL_MS", "999", "from 1000"), ("SYNC_LAG_LIMIT_MS", "0", "from 1"),
    ("SYNC_RETRY_MS", "+5", "whole"), ("SYNC_VERIFY_FULL_EVERY", "24", "24h"),
    ("SYNC_VERIFY_FULL_EVERY", "h", "24h"), ("SYNC_VERIFY_FULL_EVERY", "0h", "24h"),
    ("SYNC_VERIFY_FULL_EVERY", "-1h", "24h"), ("SYNC_VERIFY_FULL_EVERY", "1d", "24h"),
    ("SYNC_SOURCE_SUPABASE_URL", "source.supabase.co", "URL"),
    ("SYNC_SOURCE_SUPABASE_URL", "ftp://a", "URL"),
    ("SYNC_TARGET_SUPABASE_URL", "https://u:p@a", "URL"),
    ("SYNC_TARGET_SUPABASE_URL", "https://SOURCE.supabase.co/rest/v1/", "same project"),
    ("SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY", SampleKey.anon, "anon key"),
    ("SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY", "sb_publishable_1", "publishable"),
    ("SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY", "", "not set"),
    ("SYNC_SOURCE_SUPABASE_URL", " ", "not set"),
  ])
  func `a bad value is an error that names the variable`(
    name: String, value: String, part: String
  ) {
    let problems = problems([name: value])
    #expect(problems.count == 1, "\(problems)")
    #expect(problems.first?.contains(name) == true)
    #expect(problems.first?.contains(part) == true, "\(problems)")
  }

  @Test func `all problems are told at once`() {
    let problems = problems([
      "SYNC_SOURCE_SUPABASE_URL": "nowhere",
      "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY": SampleKey.anon,
      "SYNC_TARGET_SUPABASE_URL": "", "SYNC_TARGET_SUPABASE_SERVICE_ROLE_KEY": "", "SYNC_LOOP": "x",
      "SYNC_RETRY_MS": "x", "SYNC_MODE": "x", "SYNC_UNKNOWN": "x",
    ])
    #expect(problems.count == 8, "\(problems)")
  }

  @Test(arguments: [
    "SYNC_SOURCE_SUPABASE_URL", "SYNC_SOURCE_SUPABASE_SERVICE_ROLE_KEY", "SYNC_MODE",
    "SYNC_REALTIME",
    "SYNC_RECONCILE_BATCH_SIZE", "SYNC_MIRROR_NAME", "SYNC_TYPO", "SYNC_INITIAL_BACKFILL_MS",
  ])
  func `a key in the wrong place is never shown`(name: String) {
    for key in [SampleKey.anon, "sb_secret_" + String(repeating: "k", count: 30) + " x"] {
      for problem in problems([name: key]) + problems([:], file: "\(name)=\(key)\n\(key)\n\(key)=1")
      {
        #expect(!problem.contains("eyJ") && !problem.contains("kkk"), "\(problem)")
      }
    }
  }

  @Test(arguments: [
    ("SYNC_MDOE", "SYNC_MODE"), ("SYNC_RECONCILE_INTERVAL", "SYNC_RECONCILE_INTERVAL_MS"),
    ("SYNC_DELETE", "SYNC_DELETES"), ("SYNC_STATE_PAHT", "SYNC_STATE_PATH"),
    ("SYNC_DELETE_LIMIT_ROW", "SYNC_DELETE_LIMIT_ROWS"), ("SYNC_FROBNICATE_ALL_THINGS", nil),
  ])
  func `an unknown name is an error with the nearest known one`(name: String, nearest: String?) {
    for problems in [problems([name: "true"]), problems([:], file: "\n\(name)=true")] {
      #expect(problems.count == 1)
      #expect(problems.first?.contains("\(name) is not a setting") == true)
      #expect(problems.first?.contains("did you mean") == (nearest != nil))
      if let nearest { #expect(problems.first?.contains("did you mean \(nearest)?") == true) }
    }
    #expect(problems([:], file: "\n\(name)=true").first?.hasPrefix(".env.sync:2: ") == true)
  }

  @Test func `other programs' variables are left alone, but a slip in the file is not`() {
    #expect(problems(["PATH": "/bin", "SNYC_MODE": "x"]) == [])
    #expect(problems([:], file: "PATH=/bin\nLANG=C").isEmpty)
    #expect(problems([:], file: "SNYC_MODE=reconcile").count == 1)
  }

  @Test func `the environment wins over the file, and nothing is not a value`() throws {
    let file = "SYNC_RETRY_MS=1000\nSYNC_LOOP=false\nSYNC_MODE=\nSYNC_STATE_PATH=/file"
    let settings = try read(["SYNC_RETRY_MS": "2000", "SYNC_STATE_PATH": ""], file: file)
    #expect(settings.retryTime == .seconds(2))
    #expect(!settings.loop && !settings.isOnePass)
    #expect(settings.statePath == "/file")
  }

  @Test func `problems of the file name its line`() {
    let file = "# comment\nSYNC_LOOP=maybe\nSYNC_ENV_PATH=x\nnothing\n"
    let problems = problems([:], file: file)
    #expect(problems.count == 3, "\(problems)")
    for start in [".env.sync:2: SYNC_LOOP", ".env.sync:3: SYNC_ENV_PATH", ".env.sync:4: "] {
      #expect(problems.contains { $0.hasPrefix(start) }, "\(start)")
    }
  }

  @Test func `the environment file's place is known before it is read`() {
    #expect(Environment.filePath(process: [:]) == (".env.sync", false))
    #expect(Environment.filePath(process: ["SYNC_ENV_PATH": "/a"]) == ("/a", true))
  }

  @Test func `a mirror's made name can be typed and differs for each pair`() throws {
    let a = try #require(ProjectURL("https://abc.supabase.co"))
    let b = try #require(ProjectURL("http://[::1]:8000/x"))
    let identity = MirrorIdentity(source: a, target: b, digest: [0x0A, 0xFF, 1, 2, 3], name: nil)
    #expect(identity.epoch == "0aff010203")
    #expect(identity.name == "abc-to-1-0aff0102")
    #expect(MirrorIdentity(source: a, target: b, digest: [1], name: "mine").name == "mine")
    let ab = MirrorIdentity.digestText(source: a, target: b)
    #expect(ab != MirrorIdentity.digestText(source: b, target: a))
  }
}
