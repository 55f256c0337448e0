import Glibc
import LocalSupabase
import Transport

@main
struct SupabaseLocal {
  static func main() async {
    let request: LocalArguments.Request
    do {
      request = try LocalArguments.parse(Array(CommandLine.arguments.dropFirst()))
    } catch {
      fail("\(error.message); see supabase-local --help", code: 2)
    }
    switch request {
    case .help: StandardStream.output.write(LocalArguments.help)
    case .start(let arguments): await start(arguments)
    case .demo: await show { try await Demo().run() }
    case .recoveryDemo: await show { try await RecoveryDemo().run() }
    }
  }

  private static func show(_ demo: () async throws -> Bool) async {
    do {
      guard try await demo() else { exit(1) }
    } catch {
      fail("\(error)", code: 1)
    }
  }

  private static func start(_ arguments: LocalArguments) async {
    // Watched from the beginning, so that a Ctrl-C while PostgreSQL starts cleans up too.
    let ending = Ending()
    var projects: [LocalProject] = []
    do {
      let scripts = try read(arguments)
      for _ in 0..<arguments.projects where !ending.hasCome {
        var options = LocalProjectOptions()
        options.maxRows = arguments.maxRows
        let project = try await LocalProject.start(options)
        projects.append(project)
        if let schema = scripts.schema { try await project.sql(schema) }
        if let seed = scripts.seed, projects.count == 1 { try await project.sql(seed) }
      }
    } catch {
      for project in projects { await project.stop() }
      fail("\(error)", code: 1)
    }
    for (side, project) in zip(["SOURCE", "TARGET"], projects) where !ending.hasCome {
      StandardStream.output.write(
        """
        SYNC_\(side)_SUPABASE_URL=\(project.url)
        SYNC_\(side)_SUPABASE_SERVICE_ROLE_KEY=\(project.serviceKey)
        \(side)_ANON_KEY=\(project.anonKey)
        \(side)_DSN=\(project.dsn)

        """)
    }
    if !ending.hasCome { StandardStream.error.write("The projects are up; Ctrl-C ends them.\n") }
    await ending.wait()
    for project in projects { await project.stop() }
  }

  private static func read(_ arguments: LocalArguments) throws -> (schema: String?, seed: String?) {
    func text(_ path: String?) throws -> String? {
      guard let path else { return nil }
      guard let bytes = try DurableFile(path).read() else {
        throw FileError("read", path, code: ENOENT)
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    return (try text(arguments.schema), try text(arguments.seed))
  }

  private static func fail(_ message: String, code: Int32) -> Never {
    StandardStream.error.write("supabase-local: \(message)\n")
    exit(code)
  }
}
