/// What the command line asks for.
struct LocalArguments: Hashable {
  var projects = 2
  var maxRows: Int? = 1_000
  /// SQL for every project, e.g. the tables.
  var schema: String?
  /// SQL for the first project alone, e.g. the rows.
  var seed: String?

  enum Request: Hashable {
    case help
    case start(LocalArguments)
    case demo
    case recoveryDemo
  }

  struct Wrong: Error, Hashable {
    var message: String
  }

  static let help = """
    Starts stand-ins for Supabase projects on this machine, prints where they are, and ends them
    with Ctrl-C, a SIGTERM or the end of standard input. Nothing is left behind.

    usage: supabase-local start [options]
           supabase-local demo
           supabase-local demo-recovery

      --projects N     1: a source; 2: a source and a target (default: 2)
      --schema FILE    SQL to run in every project, e.g. the tables
      --seed FILE      SQL to run in the source alone, after that, e.g. the rows
      --max-rows N     rows a request at most, "none" for no limit (default: 1000)
      --help           this text

    demo mirrors one project to another with the supamirror beside this program while rows change,
    and shows it live. Ctrl-C ends it, or DEMO_SECONDS (30 where there is no terminal) have passed;
    then it compares both databases by SQL. It ends with 1 where they differ.

    demo-recovery mirrors one project to two others, cuts one of them off, lets the first one change
    on and die, recovers the one that lags from the other, and compares them. DEMO_SECONDS (10) is
    how long rows change. It ends with 1 where the two differ.

    Output: one NAME=value a line, as supamirror reads them from its environment or .env.sync, and
    *_DSN for psql. PostgreSQL's server programs must be installed; as root they run as the user
    postgres. Temporary files are in TMPDIR.

    """

  static func parse(_ words: [String]) throws(Wrong) -> Request {
    if words.contains("--help") || words.contains("-h") || words == ["help"] { return .help }
    if words == ["demo"] { return .demo }
    if words == ["demo-recovery"] { return .recoveryDemo }
    guard words.first == "start" else {
      throw Wrong(
        message: words.isEmpty
          ? "say what to do" : "unknown command \(words.joined(separator: " "))")
    }
    var arguments = LocalArguments()
    var rest = words.dropFirst()
    while let option = rest.popFirst() {
      let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard ["--projects", "--schema", "--seed", "--max-rows"].contains(name) else {
        throw Wrong(message: "unknown option \(name)")
      }
      guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst(), !value.isEmpty else {
        throw Wrong(message: "\(name) needs a value")
      }
      switch name {
      case "--projects":
        guard let count = Int(value), (1...2).contains(count) else {
          throw Wrong(message: "--projects is 1 or 2, not \(value)")
        }
        arguments.projects = count
      case "--max-rows":
        arguments.maxRows = value == "none" ? nil : Int(value)
        guard value == "none" || (arguments.maxRows ?? 0) > 0 else {
          throw Wrong(message: "--max-rows is a number above 0 or none, not \(value)")
        }
      case "--schema": arguments.schema = value
      default: arguments.seed = value
      }
    }
    return .start(arguments)
  }
}
