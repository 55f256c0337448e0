import Supabase

/// What the command line asks for.
package struct Arguments: Hashable, Sendable {
  package enum Command: String, Hashable, Sendable, CaseIterable {
    /// The daemon, or one pass; what is done where no command is given.
    case mirror = "run"
    case migration
    case status
    case verify
    case promote
    case backfill
    case `init`
    case check
    case recover
  }

  package enum LogFormat: String, Hashable, Sendable, CaseIterable {
    case text, json
  }

  package var command = Command.mirror
  package var wantsHelp = false
  package var wantsVersion = false
  /// `--cron`: one pass and exit.
  package var isOnePass = false
  /// `--approve-deletes`, each `schema.table` or `all`.
  package var approvedDeletes: [String] = []
  /// `verify --show-keys`: the report may show row data.
  package var showsKeys = false
  /// `verify --markdown`: where the report is written to as well.
  package var markdownPath: String?
  /// `backfill --table`, `verify --table`, each `schema.table`, or a table of `public`.
  package var namedTables: [String] = []
  /// `backfill --all`
  package var isBackfillOfAll = false
  /// `--dry-run` of `backfill` and `promote`
  package var isDryRun = false
  /// `migration --reverse`
  package var isReverse = false
  /// `--json` of `status`, `check`, `promote` and `verify`
  package var wantsJSON = false
  /// `promote --accept-loss`, `--headroom`
  package var promotion = Promotion.Options()
  /// `recover`
  package var recovery = Recovery()
  /// `check --sql`: `source` or `target`.
  package var sqlProject: String?
  /// `init --force`
  package var overwrites = false
  /// `init --schema`, each by itself; empty: all that hold the user's tables.
  package var schemas: [String] = []
  package var logFormat = LogFormat.text
  package var logLevel = LogEvent.Level.info
  package var environmentPath: String?
  package var tableConfigPath: String?
  package var statePath: String?

  package init() {}

  /// - Parameter words: the command line without the program's name.
  /// - Throws: one sentence, for the first word that cannot be understood. Words that could hold anything are not quoted.
  package init(_ words: [String]) throws(ArgumentError) {
    var words = words[...]
    var options: [Option] = []
    var hasCommand = false
    while let word = words.popFirst() {
      guard word.hasPrefix("-"), word != "-" else {
        guard !hasCommand, let command = Command(rawValue: word) else {
          throw ArgumentError(unknown: word, hasCommand: hasCommand)
        }
        self.command = command
        hasCommand = true
        continue
      }
      let (name, value) = Self.split(word)
      guard let option = Option(rawValue: name) ?? Option.short[name] else {
        throw ArgumentError(
          "unknown option \(ArgumentError.shown(name))"
            + NearestName.suggestion(for: name, among: Option.allCases.map(\.rawValue)))
      }
      options.append(option)
      try apply(option, value, &words)
    }
    if wantsHelp || wantsVersion { return }
    for option in options {
      let owners = option.owners
      guard !owners.isEmpty, !owners.contains(command) else { continue }
      throw ArgumentError(
        owners.contains(.mirror)
          ? "\(option.rawValue) has no meaning for \(command.rawValue)"
          : "\(option.rawValue) belongs to supamirror \(owners[0].rawValue)")
    }
    try checkRecovery(options)
    guard namedTables.isEmpty || !isBackfillOfAll else {
      throw ArgumentError("--all is every table; give it or --table, not both")
    }
  }

  private static func split(_ word: String) -> (name: String, value: String?) {
    guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { return (word, nil) }
    return (String(word[..<equals]), String(word[word.index(after: equals)...]))
  }

  private mutating func apply(
    _ option: Option, _ given: String?, _ words: inout ArraySlice<String>
  ) throws(ArgumentError) {
    guard option.takesValue else {
      guard given == nil else { throw ArgumentError("\(option.rawValue) takes no value") }
      if recovery.apply(option) { return }
      switch option {
      case .help: wantsHelp = true
      case .version: wantsVersion = true
      case .cron: isOnePass = true
      case .json: wantsJSON = true
      case .showKeys: showsKeys = true
      case .acceptLoss: promotion.acceptsLoss = true
      case .all: isBackfillOfAll = true
      case .dryRun: isDryRun = true
      case .force: overwrites = true
      default: isReverse = true
      }
      return
    }
    let value = given ?? words.first ?? ""
    if given == nil, !value.hasPrefix("-") { _ = words.popFirst() }
    guard !value.isEmpty, given != nil || !value.hasPrefix("-") else {
      throw ArgumentError("\(option.rawValue) needs \(option.valueName)")
    }
    if try recovery.apply(option, value) { return }
    switch option {
    case .approveDeletes: approvedDeletes.append(value)
    case .table: namedTables.append(value)
    case .markdown: markdownPath = value
    case .schema: schemas.append(value)
    case .sql:
      guard ["source", "target"].contains(value) else {
        throw ArgumentError("\(option.rawValue) must be \(option.valueName)")
      }
      sqlProject = value
    case .envFile: environmentPath = value
    case .tableConfig: tableConfigPath = value
    case .state: statePath = value
    case .headroom:
      guard let number = Int(value), (0...1_000_000_000).contains(number) else {
        throw ArgumentError("\(option.rawValue) must be \(option.valueName)")
      }
      promotion.headroom = number
    case .logLevel:
      guard let level = LogEvent.Level(name: value) else {
        throw ArgumentError("\(option.rawValue) must be \(option.valueName)")
      }
      logLevel = level
    default:
      guard let format = LogFormat(rawValue: value) else {
        throw ArgumentError("\(option.rawValue) must be \(option.valueName)")
      }
      logFormat = format
    }
  }

  /// Whose held deletes are approved. A table without a schema is one of `public`.
  ///
  /// - Throws: for names that no configured table has, because approval that goes nowhere would look like approval.
  package func approval(
    of tables: [TableConfiguration]
  ) throws(ConfigurationError) -> DeleteApproval {
    if approvedDeletes.isEmpty { return .none }
    let approved = try Self.find(
      approvedDeletes.filter { $0 != "all" }, among: tables, for: .approveDeletes)
    return approvedDeletes.contains("all")
      ? .all : .tables(Set(approved.map(\.name.description)))
  }

  /// Which tables `supamirror verify` is to compare: all, where none is named.
  ///
  /// - Throws: for names that no configured table has.
  package func verification(
    of tables: [TableConfiguration]
  ) throws(ConfigurationError) -> [TableConfiguration] {
    if namedTables.isEmpty { return tables }
    let chosen = Set(try Self.find(namedTables, among: tables, for: .table).map(\.name))
    return tables.filter { chosen.contains($0.name) }
  }

  /// Which tables `supamirror backfill` is to copy.
  ///
  /// - Throws: for names that no configured table has, and for tables that passes leave out.
  package func backfillScope(
    of tables: [TableConfiguration]
  ) throws(ConfigurationError) -> BackfillScope {
    if isBackfillOfAll { return .all }
    if namedTables.isEmpty { return .missing }
    let chosen = try Self.find(namedTables, among: tables, for: .table)
    let leftOut = chosen.filter { !$0.reconcile }
    guard leftOut.isEmpty else {
      throw ConfigurationError(
        leftOut.map {
          "--table: \($0.name) has \"reconcile\": false in the table configuration, so passes leave it out"
        })
    }
    return .tables(Set(chosen.map(\.name)))
  }

  /// The tables of these names; one without a schema is of `public`.
  static func find(
    _ names: [String], among tables: [TableConfiguration], for option: Option
  ) throws(ConfigurationError) -> [TableConfiguration] {
    let known = tables.map(\.name.description)
    let short = tables.map(\.name).filter { $0.schema == "public" }.map(\.name)
    var found: [TableConfiguration] = []
    var problems: [String] = []
    for name in names {
      if let index = known.firstIndex(of: name) ?? known.firstIndex(of: "public." + name) {
        found.append(tables[index])
      } else {
        problems.append(
          "\(option.rawValue): \(ArgumentError.shown(name)) is not a configured table"
            + NearestName.suggestion(for: name, among: known + short))
      }
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    return found
  }
}

/// Why the command line cannot be followed, in one sentence.
package struct ArgumentError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }

  init(unknown word: String, hasCommand: Bool) {
    let suggestion = NearestName.suggestion(
      for: word, among: Arguments.Command.allCases.map(\.rawValue))
    self.init(
      hasCommand
        ? "one command is enough; \(Self.shown(word)) is one too many"
        : "unknown command \(Self.shown(word))\(suggestion)")
  }

  /// A word that was typed by mistake may be a key: long ones are not repeated.
  static func shown(_ word: String) -> String {
    word.utf8.count <= 40 && !word.hasPrefix("sb_") ? word : "(a long word)"
  }
}

extension LogEvent.Level {
  /// As `--log-level` and the log's lines name it.
  package init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }

  package var name: String { "\(self)" }
}
