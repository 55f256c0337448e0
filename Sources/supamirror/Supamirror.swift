import Glibc
import Mirror
import Supabase
import Transport

@main
struct Supamirror {
  static func main() async {
    LargeBlocks.giveBack()
    // A reader that goes away must not kill a pass.
    _ = signal(SIGPIPE, SIG_IGN)
    // Where Swift is installed its runtime shows a backtrace for these and then goes on: what a watchdog or a person
    // sends to end a process must end it.
    for number in [SIGABRT, SIGQUIT] { _ = signal(number, SIG_DFL) }
    let variables = ProcessEnvironment.read()
    let arguments: Arguments
    do {
      arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    } catch {
      let sentence = error.description
      let hint = sentence.hasSuffix("?") ? " See" : "; see"
      StandardStream.error.write("supamirror: \(sentence)\(hint) supamirror --help\n")
      exit(ExitCode.configuration.rawValue)
    }
    if arguments.wantsHelp {
      StandardStream.output.write(arguments.help + "\n")
    } else if arguments.wantsVersion {
      StandardStream.output.write("supamirror \(Version.current)\n")
    } else {
      let console = Console(arguments, variables)
      exit(await run(arguments, variables, console).rawValue)
    }
  }

  private static func run(
    _ arguments: Arguments, _ variables: [String: String], _ console: Console
  ) async -> ExitCode {
    do {
      let configuration = Configuration(arguments, variables)
      switch arguments.command {
      case .migration:
        StandardStream.output.write(try configuration.migration())
        return .clean
      case .status: return try showStatus(configuration.statePath(), arguments, variables)
      case .verify:
        let (settings, tables) = try configuration.mirror()
        return try await runVerify(
          settings: settings, tables: arguments.verification(of: tables), arguments: arguments,
          console: console)
      case .promote: return try await runPromote(configuration, arguments, console: console)
      case .recover: return try await runRecover(configuration, arguments, console: console)
      case .`init`:
        return try await runInit(configuration, arguments, variables)
      case .check:
        return try await runCheck(configuration, arguments, variables)
      case .backfill:
        let (settings, tables) = try configuration.mirror()
        return try await runBackfill(
          settings: settings, tables: tables, arguments: arguments, console: console)
      case .mirror:
        let (settings, tables) = try configuration.mirror()
        guard settings.isOnePass else {
          return try await runDaemon(configuration, variables, console: console)
        }
        return try await runPass(
          settings: settings, tables: tables, arguments: arguments, console: console)
      }
    } catch let error as ConfigurationError {
      console.refuse(error.problems)
    } catch {
      console.refuse(["\(error)"])
    }
    return .configuration
  }
}
