import Mirror
import Supabase
import Transport

/// The files and variables that the command line points to.
struct Configuration {
  private let arguments: Arguments
  private let variables: [String: String]

  init(_ arguments: Arguments, _ variables: [String: String]) {
    self.arguments = arguments
    self.variables = variables
  }

  /// The SQL that `supamirror migration` prints.
  func migration() throws(ConfigurationError) -> String {
    if arguments.isReverse { return Migration(tables: []).reverseSQL }
    let environment = Environment(process: variables, file: try environmentFile())
    try environment.check()
    return Migration(tables: try tables(environment)).sql
  }

  /// Where the daemon keeps its state. Asks for no key, so that anybody may look who may read the status.
  func statePath() throws(ConfigurationError) -> String {
    if let path = arguments.statePath { return path }
    let environment = Environment(process: variables, file: try environmentFile())
    try environment.check()
    return environment.statePath
  }

  /// Settings and tables, or everything that is wrong with both.
  func mirror() throws(ConfigurationError) -> (settings: Settings, tables: [TableConfiguration]) {
    let file = try environmentFile()
    var problems: [String] = []
    var settings: Settings?
    var tables: [TableConfiguration] = []
    do {
      settings = try Settings.read(environment: variables, file: file)
    } catch {
      problems += error.problems
    }
    do {
      tables = try self.tables(Environment(process: variables, file: file))
      _ = try arguments.approval(of: tables)
      _ = try arguments.backfillScope(of: tables)
      _ = try arguments.recovered(of: tables)
    } catch {
      problems += error.problems
    }
    if let caFile = settings?.caFile {
      do {
        _ = try Self.content(of: caFile, hint: "correct SYNC_CA_FILE")
      } catch {
        problems += error.problems
      }
    }
    guard var settings, problems.isEmpty else { throw ConfigurationError(problems) }
    if arguments.isOnePass { settings.isOnePass = true }
    if let path = arguments.statePath { settings.statePath = path }
    return (settings, tables)
  }

  /// The project that `recover --from` names.
  func project(prefix: String, other: Project) throws(ConfigurationError) -> Project {
    try Environment(process: variables, file: try environmentFile())
      .project(prefix: prefix, role: "source", other: other)
  }

  /// Where settings are read from, and whether that file is there.
  var environmentPath: String {
    arguments.environmentPath ?? Environment.filePath(process: variables).path
  }

  /// Settings alone, for what makes the table configuration.
  func settings() throws(ConfigurationError) -> Settings {
    var settings = try Settings.read(environment: variables, file: try environmentFile())
    if let path = arguments.tableConfigPath { settings.tableConfigPath = path }
    return settings
  }

  /// What the table configuration holds now; nil where there is none.
  func presentTables(_ path: String) throws(ConfigurationError) -> [TableConfiguration]? {
    let bytes: [UInt8]?
    do {
      bytes = try DurableFile(path).read()
    } catch {
      throw ConfigurationError(["\(error)"])
    }
    return try bytes.map { bytes throws(ConfigurationError) in
      try TableConfiguration.read(bytes, path: path)
    }
  }

  /// Options that name other files than usual, as a further command needs them too.
  var options: String {
    var text = ""
    if let path = arguments.environmentPath { text += " --env-file \(InitText.shellWord(path))" }
    if let path = arguments.tableConfigPath {
      text += " --table-config \(InitText.shellWord(path))"
    }
    return text
  }

  /// The file must be there only where someone named it.
  private func environmentFile() throws(ConfigurationError) -> EnvironmentFile? {
    let (path, isGiven) =
      arguments.environmentPath.map { ($0, true) } ?? Environment.filePath(process: variables)
    do {
      if let bytes = try DurableFile(path).read() { return EnvironmentFile(bytes, path: path) }
    } catch {
      throw ConfigurationError(["\(error)"])
    }
    if isGiven, arguments.command != .`init` {
      throw ConfigurationError(["\(path): there is no such environment file"])
    }
    return nil
  }

  private func tables(_ environment: Environment) throws(ConfigurationError) -> [TableConfiguration]
  {
    let path = arguments.tableConfigPath ?? environment.tableConfigPath
    let bytes = try Self.content(
      of: path, hint: "list the tables there, or name another file with --table-config")
    return try TableConfiguration.read(bytes, path: path)
  }

  private static func content(
    of path: String, hint: String
  ) throws(ConfigurationError) -> [UInt8] {
    let bytes: [UInt8]?
    do {
      bytes = try DurableFile(path).read()
    } catch {
      throw ConfigurationError(["\(error)"])
    }
    guard let bytes else { throw ConfigurationError(["\(path): there is no such file; \(hint)"]) }
    return bytes
  }
}
