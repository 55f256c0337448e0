/// The options of the command line.
enum Option: String, CaseIterable {
  case cron = "--cron"
  case approveDeletes = "--approve-deletes"
  case reverse = "--reverse"
  case envFile = "--env-file"
  case tableConfig = "--table-config"
  case state = "--state"
  case logFormat = "--log-format"
  case logLevel = "--log-level"
  case help = "--help"
  case version = "--version"

  static let short: [String: Option] = ["-h": .help]

  /// nil: every command has it.
  var owner: Arguments.Command? {
    switch self {
    case .cron, .approveDeletes, .state: .mirror
    case .reverse: .migration
    default: nil
    }
  }

  /// What to give it, for the help and for errors; empty where it takes nothing.
  var valueName: String {
    switch self {
    case .cron, .reverse, .help, .version: ""
    case .approveDeletes: "schema.table or all"
    case .envFile, .tableConfig, .state: "a path"
    case .logFormat: "text or json"
    case .logLevel: "debug, info, warning or error"
    }
  }

  var takesValue: Bool { !valueName.isEmpty }
}
