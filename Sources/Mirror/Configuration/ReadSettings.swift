import Supabase

extension Settings {
  /// Every variable that is a setting.
  package static var variables: [String] { SettingName.allCases.map(\.rawValue) }

  /// Reads and checks every setting.
  ///
  /// - Throws: all problems at once; a setting's value is shown only where it cannot be a key.
  package static func read(
    environment: [String: String], file: EnvironmentFile?
  ) throws(ConfigurationError) -> Settings {
    var reader = SettingsReader(environment: Environment(process: environment, file: file))
    return try reader.read()
  }
}

private struct SettingsReader {
  let environment: Environment
  var problems: [String] = []

  init(environment: Environment) { self.environment = environment }

  mutating func read() throws(ConfigurationError) -> Settings {
    problems = environment.problems
    let source = project("source", .sourceURL, .sourceKey)
    let target = project("target", .targetURL, .targetKey)
    if let source, let target, source.url == target.url {
      problems.append(
        "\(SettingName.sourceURL.rawValue) and \(SettingName.targetURL.rawValue) are the same project; "
          + "a project cannot be copied onto itself")
    }
    // Read on without the projects, so that every problem is found.
    var rest = Rest()
    readSchedule(&rest)
    readLimits(&rest)
    readPlaces(&rest)
    guard problems.isEmpty, let source, let target else { throw ConfigurationError(problems) }
    var settings = Settings(source: source, target: target)
    for change in rest.changes { change(&settings) }
    return settings
  }

  /// What was read, kept until the projects are known.
  struct Rest {
    var changes: [(inout Settings) -> Void] = []

    mutating func set<Value>(_ path: WritableKeyPath<Settings, Value>, _ value: Value?) {
      guard let value else { return }
      changes.append { $0[keyPath: path] = value }
    }
  }

  private mutating func readSchedule(_ rest: inout Rest) {
    if let mode = environment.value(.mode) {
      switch mode.text {
      case "reconcile": rest.set(\.isOnePass, true)
      case "default": break
      default: refuse(mode, "must be default or reconcile")
      }
    }
    rest.set(\.realtime, bool(.realtime))
    rest.set(\.loop, bool(.loop))
    rest.set(\.reconcileInterval, milliseconds(.reconcileInterval, from: 100))
    rest.set(\.lookback, milliseconds(.lookback, from: 0))
    if environment.value(.initialBackfill)?.text == "all" {
      rest.set(\.initialBackfill, .all)
    } else if let time = milliseconds(.initialBackfill, from: 0, or: "all, or ") {
      rest.set(\.initialBackfill, .last(time))
    }
  }

  private mutating func readLimits(_ rest: inout Rest) {
    rest.set(\.batchSize, integer(.batchSize, 1...100_000))
    rest.set(\.deletes, bool(.deletes))
    rest.set(\.deleteLimitRows, integer(.deleteLimitRows, 0...1_000_000_000_000))
    rest.set(\.deleteLimitPercent, integer(.deleteLimitPercent, 0...100))
    rest.set(\.quarantineLimit, integer(.quarantineLimit, 0...1_000_000))
    if let value = environment.value(.onDrift) {
      rest.set(\.onDrift, DriftPolicy(rawValue: value.text))
      if DriftPolicy(rawValue: value.text) == nil { refuse(value, "must be common or park") }
    }
    // Below a second a healthy project would look like a dead one.
    rest.set(\.requestTime, milliseconds(.requestTime, from: 1_000))
    rest.set(\.retryTime, milliseconds(.retryTime, from: 0))
    rest.set(\.maxRequests, integer(.maxRequests, 1...64))
    // Less would not carry one page within a request's time.
    rest.set(\.maxBytesPerSecond, integer(.maxBytesPerSecond, 10_000...100_000_000_000))
    // Each is a write at the source.
    rest.set(\.heartbeatInterval, milliseconds(.heartbeatInterval, from: 1_000))
    rest.set(\.lagLimit, milliseconds(.lagLimit, from: 1))
    readVerifyInterval(&rest)
  }

  /// `24h`, `90m`, `30s`; `0` is never.
  private mutating func readVerifyInterval(_ rest: inout Rest) {
    guard let value = environment.value(.verifyFullEvery) else { return }
    let units = ["h": 3_600, "m": 60, "s": 1]
    if value.text == "0" {
      rest.set(\.verifyInterval, .some(nil))
    } else if let unit = units[String(value.text.suffix(1))],
      value.text.dropLast().utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
      let number = Int(value.text.dropLast()), (1...87_600).contains(number)
    {
      rest.set(\.verifyInterval, .some(.seconds(number * unit)))
    } else {
      refuse(value, "must be a whole number with h, m or s behind it, such as 24h; 0 is never")
    }
  }

  private mutating func readPlaces(_ rest: inout Rest) {
    rest.set(\.tableConfigPath, environment.tableConfigPath)
    rest.set(\.statePath, environment.value(.statePath)?.text)
    rest.set(\.caFile, environment.value(.caFile)?.text)
    rest.set(\.statusPort, loopbackPort(.statusListen))
    if let name = environment.value(.mirrorName) {
      if MirrorIdentity.isName(name.text) {
        rest.set(\.mirrorName, name.text)
      } else {
        problems.append(
          "\(name.place) must be 1 to 63 letters, digits, dots, dashes or underscores")
      }
    }
  }

  private mutating func project(
    _ role: String, _ urlName: SettingName, _ keyName: SettingName
  ) -> Project? {
    var url: ProjectURL?
    if let value = environment.value(urlName) {
      url = ProjectURL(value.text)
      if url == nil {
        // Not shown: keys get pasted here, and URLs may hold passwords.
        problems.append(
          "\(value.place) is not the URL of a project; it looks like https://abcdefghijklmnopqrst.supabase.co"
        )
      }
    } else {
      problems.append("\(urlName.rawValue) is not set; it is the \(role) project's URL")
    }
    guard let value = environment.value(keyName) else {
      problems.append(
        "\(keyName.rawValue) is not set; it is the \(role) project's service_role key")
      return nil
    }
    let key = ServiceKey(value.text)
    // Where the URL is not known, the key alone can still be looked at.
    if let place = url ?? ProjectURL("http://localhost"),
      let problem = KeyProblem(key: key, url: place)
    {
      problems.append("\(value.place): \(problem)")
      return nil
    }
    return url.map { Project(role: role, url: $0, key: key) }
  }

  private mutating func bool(_ name: SettingName) -> Bool? {
    guard let value = environment.value(name) else { return nil }
    switch value.text.lowercased() {
    case "true": return true
    case "false": return false
    default:
      refuse(value, "must be true or false")
      return nil
    }
  }

  private mutating func integer(
    _ name: SettingName, _ range: ClosedRange<Int>, or: String = "", unit: String = ""
  ) -> Int? {
    guard let value = environment.value(name) else { return nil }
    let isPlain = value.text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    guard isPlain, let number = Int(value.text), range.contains(number) else {
      refuse(
        value, "must be \(or)a whole number\(unit) from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  /// At most ten years: more is a slip.
  private mutating func milliseconds(
    _ name: SettingName, from least: Int, or: String = ""
  ) -> Duration? {
    integer(name, least...315_360_000_000, or: or, unit: " of milliseconds")
      .map { .milliseconds($0) }
  }

  /// `8080`, `127.0.0.1:8080` or `localhost:8080`.
  private mutating func loopbackPort(_ name: SettingName) -> Int?? {
    guard let value = environment.value(name) else { return nil }
    var digits = value.text[...]
    for host in ["127.0.0.1:", "localhost:"] where digits.lowercased().hasPrefix(host) {
      digits = digits.dropFirst(host.count)
      break
    }
    let isPlain = digits.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
    if isPlain, let port = Int(digits), (1...65_535).contains(port) { return port }
    refuse(
      value,
      "must be a port from 1 to 65535, 127.0.0.1:PORT or localhost:PORT; the status page listens on "
        + "loopback only: to reach it from elsewhere put a proxy in front that asks for a password")
    return nil
  }

  /// Short values are shown: no key is that short.
  private mutating func refuse(_ value: Environment.Value, _ demand: String) {
    let shown = value.text.utf8.count <= 20 ? "is \"\(value.text)\", but " : ""
    problems.append("\(value.place) \(shown)\(demand)")
  }
}
