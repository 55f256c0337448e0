/// The options of the command line.
enum Option: String, CaseIterable {
  case cron = "--cron"
  case approveDeletes = "--approve-deletes"
  case table = "--table"
  case showKeys = "--show-keys"
  case markdown = "--markdown"
  case all = "--all"
  case dryRun = "--dry-run"
  case reverse = "--reverse"
  case json = "--json"
  case acceptLoss = "--accept-loss"
  case headroom = "--headroom"
  case force = "--force"
  case schema = "--schema"
  case sql = "--sql"
  case mode = "--mode"
  case missingOnly = "--missing-only"
  case deleteExtra = "--delete-extra"
  case overwriteNewer = "--overwrite-newer"
  case yes = "--yes"
  case analyzeOnly = "--analyze-only"
  case plan = "--plan"
  case apply = "--apply"
  case from = "--from"
  case origin = "--origin"
  case schemas = "--schemas"
  case excludeSchemas = "--exclude-schemas"
  case tables = "--tables"
  case quiet = "--quiet"
  case verbose = "--verbose"
  case envFile = "--env-file"
  case tableConfig = "--table-config"
  case state = "--state"
  case logFormat = "--log-format"
  case logLevel = "--log-level"
  case help = "--help"
  case version = "--version"

  static let short: [String: Option] = ["-h": .help]

  /// Empty: every command has it.
  var owners: [Arguments.Command] {
    switch self {
    case .cron, .approveDeletes: [.mirror]
    case .table: [.backfill, .verify]
    case .all: [.backfill]
    case .showKeys, .markdown: [.verify]
    case .dryRun: [.backfill, .promote, .recover]
    case .state: [.mirror, .status, .backfill, .check, .promote, .verify, .recover]
    case .reverse: [.migration]
    case .json: [.status, .check, .promote, .verify, .recover]
    case .force, .schema: [.`init`]
    case .sql: [.check]
    case .mode, .missingOnly, .deleteExtra, .overwriteNewer, .yes, .analyzeOnly, .plan, .apply,
      .from,
      .origin, .schemas, .excludeSchemas, .tables, .quiet, .verbose:
      [.recover]
    case .acceptLoss, .headroom: [.promote]
    default: []
    }
  }

  /// What to give it, for the help and for errors; empty where it takes nothing.
  var valueName: String {
    switch self {
    case .cron, .all, .dryRun, .acceptLoss, .showKeys, .reverse, .json, .force, .help, .version,
      .missingOnly, .deleteExtra, .overwriteNewer, .yes, .analyzeOnly, .quiet, .verbose:
      ""
    case .mode: "comprehensive, missing-only or origin-aware"
    case .from: "a prefix of variables, such as N3"
    case .origin: "a mirror's name"
    case .schemas, .excludeSchemas: "schemas, with commas between them"
    case .tables: "tables, with commas between them"
    case .headroom: "a whole number from 0 to 1000000000"
    case .table: "schema.table"
    case .schema: "a schema"
    case .sql: "source or target"
    case .approveDeletes: "schema.table or all"
    case .envFile, .tableConfig, .state, .markdown, .plan, .apply: "a path"
    case .logFormat: "text or json"
    case .logLevel: "debug, info, warning or error"
    }
  }

  var takesValue: Bool { !valueName.isEmpty }
}
