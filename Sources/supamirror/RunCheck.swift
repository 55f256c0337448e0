import Mirror
import Supabase
import Transport

/// `supamirror check`: reads both projects, says what is to be mended.
func runCheck(
  _ configuration: Configuration, _ arguments: Arguments, _ variables: [String: String]
) async throws -> ExitCode {
  let (settings, tables) = try configuration.mirror()
  let connection = Connection(settings, origin: MirrorIdentity(settings).name)
  var conditions = Check.Conditions(settings)
  conditions.isFirst = try DurableFile(settings.statePath).read() == nil
  let path = configuration.environmentPath
  if DurableFile(path).isReadableByOthers == true { conditions.readableFiles = [path] }
  let run = CheckRun(
    source: CatalogueReader(settings.source, connection),
    target: CatalogueReader(settings.target, connection), tables: tables, conditions: conditions)
  let report = await run.report()
  if let project = arguments.sqlProject {
    StandardStream.output.write(report.sql(for: project))
  } else if arguments.wantsJSON || arguments.logFormat == .json {
    StandardStream.output.write(report.json + "\n")
  } else {
    let isColoured =
      StandardStream.output.isTerminal && variables["TERM"] != "dumb"
      && (variables["NO_COLOR"] ?? "").isEmpty
    StandardStream.output.write(report.text(isColoured: isColoured))
  }
  return report.exitCode
}

extension CatalogueReader {
  init(_ project: Project, _ connection: Connection) {
    self.init(
      connection.inquiry(project), role: project.role, url: project.url.description,
      now: { WallClock.system.now() })
  }
}
