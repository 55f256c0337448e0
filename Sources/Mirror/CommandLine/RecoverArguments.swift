import Supabase

extension Arguments {
  /// What the command line says of `supamirror recover`.
  package struct Recovery: Hashable, Sendable {
    package var options = RecoverRun.Options()
    /// `--mode`, in its own words.
    package var mode: String?
    package var origin: String?
    /// `--plan`: where the plan of a dry run is kept.
    package var planPath: String?
    /// `--apply`: a plan that was kept.
    package var appliedPath: String?
    /// `--from`: variables that begin so name the project that is right.
    package var source: String?
    package var schemas: [String] = []
    package var excludedSchemas: [String] = []
    package var tables: [String] = []
    package var isQuiet = false
    package var isVerbose = false

    package init() {}

    /// - Returns: false for an option that is none of its own.
    mutating func apply(_ option: Option) -> Bool {
      switch option {
      case .missingOnly: options.mode = .missingOnly
      case .deleteExtra: options.deletesExtra = true
      case .overwriteNewer: options.overwritesNewer = true
      case .yes: options.approvesDeletes = true
      case .analyzeOnly: options.extent = .analysis
      case .quiet: isQuiet = true
      case .verbose: isVerbose = true
      default: return false
      }
      return true
    }

    mutating func apply(_ option: Option, _ value: String) throws(ArgumentError) -> Bool {
      switch option {
      case .mode:
        guard RecoveryPlan.Mode(rawValue: value) != nil || value == Self.originAware else {
          throw ArgumentError("\(option.rawValue) must be \(option.valueName)")
        }
        mode = value
      case .origin: origin = value
      case .plan: planPath = value
      case .apply: appliedPath = value
      case .from: source = value
      case .schemas: schemas += Self.names(value)
      case .excludeSchemas: excludedSchemas += Self.names(value)
      case .tables: tables += Self.names(value)
      default: return false
      }
      return true
    }

    static let originAware = "origin-aware"

    private static func names(_ list: String) -> [String] {
      list.split(separator: ",").map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
    }
  }

  /// What does not go together.
  mutating func checkRecovery(_ given: [Option]) throws(ArgumentError) {
    guard command == .recover else { return }
    if recovery.mode == Recovery.originAware {
      throw ArgumentError(
        "--mode origin-aware is not there yet: rows do not know which project they came from; use "
          + "--mode comprehensive, with --tables where only some are to be recovered")
    }
    guard recovery.origin == nil else {
      throw ArgumentError("--origin belongs to --mode origin-aware")
    }
    if let mode = recovery.mode.flatMap(RecoveryPlan.Mode.init) {
      guard mode == .missingOnly || !given.contains(.missingOnly) else {
        throw ArgumentError("--mode comprehensive is more than --missing-only; give one of them")
      }
      recovery.options.mode = mode
    }
    if recovery.options.mode == .missingOnly {
      for option in [Option.deleteExtra, .overwriteNewer] where given.contains(option) {
        throw ArgumentError("\(option.rawValue) does not go together with --missing-only")
      }
    }
    guard recovery.planPath == nil || isDryRun else {
      throw ArgumentError("--plan keeps the plan of a dry run; give --dry-run as well")
    }
    if recovery.appliedPath != nil {
      let own: [Option] = [
        .mode, .missingOnly, .deleteExtra, .overwriteNewer, .dryRun, .analyzeOnly, .schemas,
        .excludeSchemas, .tables,
      ]
      for option in own where given.contains(option) {
        throw ArgumentError(
          "\(option.rawValue) does not go together with --apply: the plan says what is done")
      }
    }
    guard !(isDryRun && recovery.options.extent == .analysis) else {
      throw ArgumentError("--analyze-only makes no plan; give it or --dry-run, not both")
    }
    guard !(recovery.isQuiet && recovery.isVerbose) else {
      throw ArgumentError("give --quiet or --verbose, not both")
    }
    if isDryRun { recovery.options.extent = .plan }
    if recovery.isVerbose, !given.contains(.logLevel) { logLevel = .debug }
    if recovery.isQuiet, !given.contains(.logLevel) { logLevel = .warning }
  }

  /// The tables that are to be recovered.
  ///
  /// - Throws: for names that no configured table has, and where none is left.
  package func recovered(
    of tables: [TableConfiguration]
  ) throws(ConfigurationError) -> [TableConfiguration] {
    var chosen = tables
    if !recovery.tables.isEmpty {
      let named = Set(try Self.find(recovery.tables, among: tables, for: .tables).map(\.name))
      chosen = chosen.filter { named.contains($0.name) }
    }
    let schemas = Set(tables.map(\.name.schema))
    var problems: [String] = []
    for (option, names) in [
      (Option.schemas, recovery.schemas), (.excludeSchemas, recovery.excludedSchemas),
    ] {
      for name in names where !schemas.contains(name) {
        problems.append(
          "\(option.rawValue): no configured table is in \(ArgumentError.shown(name))")
      }
    }
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    chosen = chosen.filter { table in
      (recovery.schemas.isEmpty || recovery.schemas.contains(table.name.schema))
        && !recovery.excludedSchemas.contains(table.name.schema)
    }
    guard !chosen.isEmpty else {
      throw ConfigurationError(["no configured table is left to be recovered"])
    }
    return chosen
  }
}
